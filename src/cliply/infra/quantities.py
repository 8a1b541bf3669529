"""Counts, lengths and sizes, as people read them."""


def counted(count: int, one: str, many: str | None = None) -> str:
    """`1 post`, `1,200 posts`; `many` where that is more than another letter."""
    return f"{count:,} {one if count == 1 else many or f'{one}s'}"


def spell(seconds: int) -> str:
    """`40 s`, `5 min 20 s`, `2 h 05 min`: from an hour on, seconds say nothing."""
    if seconds < 60:
        return f"{seconds} s"
    if seconds < 3600:
        return f"{seconds // 60} min" + (f" {seconds % 60:02d} s" if seconds % 60 else "")
    minutes = round(seconds / 60)
    return f"{minutes // 60:,} h" + (f" {minutes % 60:02d} min" if minutes % 60 else "")


def size(count: int) -> str:
    """Bytes in the decimal units of disks and plans: `512 bytes`, `340 MB`, `1.4 GB`."""
    if count < 1000:
        return counted(count, "byte")
    power = next((each for each in range(1, 5) if round(count / 1000**each, 1) < 1000), 5)
    return f"{count / 1000**power:.1f}".removesuffix(".0") + f" {('kB', 'MB', 'GB', 'TB', 'PB')[power - 1]}"
