"use strict";
// The pages work without this. It shows the state of a run when it changes, without reading the whole page again.
const state = document.getElementById("state");

// show replaces the state. What had the focus keeps it, if it is still there.
function show(html) {
  const focused = state.contains(document.activeElement) && document.activeElement.getAttribute("href");
  const next = new DOMParser().parseFromString(html, "text/html");
  state.replaceChildren(...next.body.childNodes);
  const again = focused && Array.from(state.querySelectorAll("a[href]")).find((a) => a.getAttribute("href") === focused);
  if (again) again.focus();
}

if (state && state.dataset.live) {
  let source;
  const follow = () => {
    source = new EventSource(state.dataset.live);
    source.addEventListener("state", (e) => show(e.data));
    source.addEventListener("end", (e) => {
      show(e.data);
      source.close();
      document.removeEventListener("visibilitychange", see);
    });
  };
  // A browser opens few connections to a server: a page that is not seen needs none.
  const see = () => (document.hidden ? source?.close() : follow());
  document.addEventListener("visibilitychange", see);
  if (!document.hidden) follow();
}
