"use strict";
// The page works without this.  With it, the parts that changed are replaced as soon as
// the daemon says that something happened; while nothing happens, nothing is asked.

(() => {
  if (!document.querySelector("[data-live]")) return;
  const lost = document.getElementById("lost");
  let stream = null;
  let busy = false;
  let again = false;
  let waiting = 0;

  async function look() {
    if (busy) {
      again = true;
      return;
    }
    busy = true;
    try {
      const answer = await fetch(location.href, { headers: { "X-Live": "1", Accept: "text/html" } });
      // The password is asked for again.
      if (answer.redirected) location.reload();
      else if (answer.ok) show(new DOMParser().parseFromString(await answer.text(), "text/html"));
    } catch {
      lost.hidden = false;
    }
    busy = false;
    if (again) {
      again = false;
      soon();
    }
  }

  // Several changes in a row are one.
  function soon() {
    clearTimeout(waiting);
    waiting = setTimeout(look, 250);
  }

  function show(fresh) {
    document.title = fresh.title;
    for (const old of document.querySelectorAll("[data-live]")) {
      const made = fresh.getElementById(old.id);
      if (!made || old.isEqualNode(made)) continue;
      // Never take a field away from somebody who is using it.
      if (old.contains(document.activeElement) && document.activeElement.matches("input, select")) continue;
      const focused = old.contains(document.activeElement) ? document.activeElement.id : "";
      if ("list" in old.dataset) follow(old, made);
      else old.replaceWith(made);
      if (focused && document.activeElement.id !== focused) document.getElementById(focused)?.focus();
    }
  }

  // A list keeps the entries that did not change, so that pictures do not flicker.
  function follow(list, made) {
    const known = new Map([...list.children].map((one) => [one.id, one]));
    const wanted = [...made.children].map((one) => {
      const old = known.get(one.id);
      if (old && old.isEqualNode(one)) return old;
      if (!old) one.classList.add("fresh");
      return one;
    });
    list.replaceChildren(...wanted);
  }

  function listen() {
    if (stream) return;
    stream = new EventSource(`${document.documentElement.dataset.base}/live`);
    stream.onmessage = soon;
    stream.onopen = () => { lost.hidden = true; };
    stream.onerror = () => { lost.hidden = false; };
  }

  function rest() {
    if (stream) stream.close();
    stream = null;
  }

  // A page nobody sees holds no connection, and looks again when it is seen.
  document.addEventListener("visibilitychange", () => (document.hidden ? rest() : listen()));
  window.addEventListener("pagehide", rest);
  window.addEventListener("pageshow", () => { if (!document.hidden) listen(); });
  listen();
})();
