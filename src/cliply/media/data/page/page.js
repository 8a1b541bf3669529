"use strict";
(() => {
  const told = document.querySelector(".told");

  const copied = (button, good) => {
    const face = button.querySelector("span");
    face.textContent = good ? "Copied" : "Press Ctrl+C";
    told.textContent = good ? "Copied" : "Select the text and copy it by hand";
    setTimeout(() => { face.textContent = "Copy"; told.textContent = ""; }, 1600);
  };

  const select = (element) => {
    const range = document.createRange();
    range.selectNodeContents(element);
    const selection = getSelection();
    selection.removeAllRanges();
    selection.addRange(range);
  };

  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-copy]");
    if (!button) return;
    const element = document.getElementById(button.dataset.copy);
    try {
      await navigator.clipboard.writeText(element.textContent.trim());
      copied(button, true);
    } catch {
      select(element);
      copied(button, document.execCommand("copy"));
    }
  });

  // One voice at a time.
  document.addEventListener("play", (event) => {
    for (const video of document.querySelectorAll("video")) if (video !== event.target) video.pause();
  }, true);

  const list = document.querySelector(".clips");
  const orders = document.querySelectorAll("[data-order]");
  for (const button of orders) button.addEventListener("click", () => {
    const key = button.dataset.order;
    [...list.children].sort((a, b) => a.dataset[key] - b.dataset[key]).forEach((clip) => list.append(clip));
    for (const each of orders) each.setAttribute("aria-pressed", String(each === button));
  });

  const all = document.querySelector(".all");
  if (all) {
    const section = all.closest(".candidates");
    section.classList.add("short");
    all.hidden = false;
    all.addEventListener("click", () => {
      section.classList.remove("short");
      all.hidden = true;
      section.querySelector(".later summary, .later .copy").focus();
    });
  }

  for (const element of document.querySelectorAll("[data-language]")) {
    try {
      element.textContent = new Intl.DisplayNames(["en"], { type: "language" }).of(element.dataset.language);
    } catch { /* The code stays. */ }
  }
})();
