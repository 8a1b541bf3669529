from cliply.media.highlights.find import Findings, HighlightOptions, find_highlights
from cliply.media.highlights.judge import Candidate, Judge, Judgement

__all__ = ["Candidate", "Findings", "HighlightOptions", "Judge", "Judgement", "find_highlights"]
