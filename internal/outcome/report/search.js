
"use strict";
const label = document.getElementById("search");
if (label) {
  const input = label.querySelector("input"), found = document.getElementById("found");
  const all = Array.from(document.querySelectorAll(".answer"), (at) => ({ at, text: at.textContent.toLowerCase() }));
  label.hidden = false;
  input.addEventListener("input", () => {
    const words = input.value.toLowerCase().split(/\s+/);
    let shown = 0;
    for (const { at, text } of all) {
      at.hidden = !words.every((word) => text.includes(word));
      shown += at.hidden ? 0 : 1;
    }
    found.textContent = input.value ? `${shown} of ${all.length}` : "";
  });
}
