"use strict";
// The pages work without this. It shows what changes without reading the whole page again, and lets keys follow links and press buttons.

// swap replaces the content of an element. What had the focus keeps it, if it is still there.
function swap(at, from) {
  const focused = at.contains(document.activeElement) && document.activeElement.getAttribute("href");
  at.replaceChildren(...from.childNodes);
  const again = focused && Array.from(at.querySelectorAll("a[href]")).find((a) => a.getAttribute("href") === focused);
  if (again) again.focus();
}

const parse = (html) => new DOMParser().parseFromString(html, "text/html");

// The state of a run comes when it has changed.
const state = document.getElementById("state");
if (state && state.dataset.live) {
  let source;
  const follow = () => {
    source = new EventSource(state.dataset.live);
    source.addEventListener("state", (e) => swap(state, parse(e.data).body));
    source.addEventListener("end", (e) => {
      swap(state, parse(e.data).body);
      source.close();
      document.removeEventListener("visibilitychange", see);
    });
  };
  // A browser opens few connections to a server: a page that is not seen needs none.
  const see = () => (document.hidden ? source?.close() : follow());
  document.addEventListener("visibilitychange", see);
  if (!document.hidden) follow();
}

// A part of a page that is not complete is read again.
function later(part) {
  if (!part || !part.dataset.again) return;
  setTimeout(async () => {
    try {
      const answer = await fetch(location.href);
      const next = answer.ok && parse(await answer.text()).getElementById(part.id);
      if (!next) return;
      swap(part, next);
      if (next.dataset.again) part.dataset.again = next.dataset.again;
      else delete part.dataset.again;
    } catch {} // the server is gone, or comes back
    later(part);
  }, 1000 * Number(part.dataset.again));
}
later(document.querySelector("[data-again]"));

// Keys: data-key names the key of a link, a button or a field. In a list j and k go from row to row.
const rows = () => Array.from(document.querySelectorAll("[data-row]"));
function step(by) {
  const all = rows(), at = all.indexOf(document.activeElement);
  const next = all[at < 0 ? (by > 0 ? 0 : all.length - 1) : Math.min(Math.max(at + by, 0), all.length - 1)];
  if (next) next.focus();
}
document.addEventListener("keydown", (e) => {
  if (e.ctrlKey || e.metaKey || e.altKey || e.isComposing) return;
  if (e.target.closest("input, select, textarea")) {
    if (e.key === "Escape") e.target.blur();
    return;
  }
  const named = document.querySelector(`[data-key="${CSS.escape(e.key)}"]`);
  if (named) {
    e.preventDefault();
    if (named.matches("input, textarea, summary")) named.focus();
    if (!named.matches("input, textarea")) named.click();
  } else if (e.key === "j" || e.key === "k") {
    e.preventDefault();
    step(e.key === "j" ? 1 : -1);
  }
});
