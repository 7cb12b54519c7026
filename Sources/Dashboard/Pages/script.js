// What pages do beyond forms and links. Without it everything works; with it lists search as one types,
// the overview is live, and secrets have a button that copies them.
"use strict";

// A list's filters: the same page is asked for with each change, and its results take the old ones' place.
for (const form of document.querySelectorAll("form[data-search]")) {
  const id = form.dataset.search;
  let timer = 0;
  let latest = null;
  const search = async () => {
    if (latest) latest.abort();
    const own = (latest = new AbortController());
    const fields = [...new FormData(form)].filter(([, value]) => value !== "");
    const query = new URLSearchParams(fields).toString();
    const address = form.getAttribute("action") + (query ? "?" + query : "");
    try {
      const answer = await fetch(address, { signal: own.signal, headers: { Accept: "text/html" } });
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const results = page.getElementById(id);
      // No results: the session has ended, or something is wrong; the page itself says which.
      if (!answer.ok || !results) return void location.assign(address);
      document.getElementById(id).replaceWith(document.adoptNode(results));
      history.replaceState(null, "", address);
    } catch (error) {
      if (error.name !== "AbortError") location.assign(address);
    }
  };
  form.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(search, 200);
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    clearTimeout(timer);
    search();
  });
}

// The overview: the server renders the figures anew every few seconds. What has the focus or is unfolded
// stays so.
const live = document.querySelector("[data-stream]");
if (live) {
  const say = (text) => {
    const state = live.querySelector("[data-live-state]");
    if (state) state.textContent = text;
  };
  const source = new EventSource(live.dataset.stream);
  source.addEventListener("figures", (event) => {
    const open = [...live.querySelectorAll("details")].map((details) => details.open);
    if (live.contains(document.activeElement)) return say(" · waits while you are in it");
    const part = new DOMParser().parseFromString(event.data, "text/html");
    live.replaceChildren(...part.body.childNodes);
    live.querySelectorAll("details").forEach((details, index) => (details.open = open[index] ?? false));
    say(" · live");
  });
  source.addEventListener("error", () => say(" · not live"));
  addEventListener("pagehide", () => source.close());
}

// The button beside a secret.
for (const button of document.querySelectorAll("[data-copy]")) {
  button.hidden = false;
  button.addEventListener("click", async () => {
    const input = document.getElementById(button.dataset.copy);
    const note = document.querySelector("[data-copied]");
    input.select();
    try {
      await navigator.clipboard.writeText(input.value);
      note.textContent = "Copied.";
    } catch {
      note.textContent = "Press Ctrl-C: it is selected.";
    }
  });
}

// A form is sent once.
for (const form of document.querySelectorAll('form[method="post"]')) {
  form.addEventListener("submit", () => setTimeout(() => form.querySelector("button").setAttribute("disabled", "")));
}
addEventListener("pageshow", (event) => {
  if (event.persisted) location.reload();
});
