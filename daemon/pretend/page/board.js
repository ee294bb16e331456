"use strict";
// The page shows what /board/state says; every change goes back as a person's edit.

const rows = document.getElementById("rows");
const large = document.getElementById("large");
const drawn = new Map();

function element(tag, className, text) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

async function send(act, body) {
  const answer = await fetch(`/board/${act}`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify(body || {}),
  });
  if (answer.ok) markTried(act);
  return answer.ok;
}

function markTried(act) {
  const tried = document.querySelector(`[data-try="${act}"]`);
  if (!tried || tried.classList.contains("done")) return;
  tried.classList.add("done");
  tried.prepend(element("span", "unseen", "Done: "));
}

function editable(className, label, column, id) {
  const made = element("div", className);
  made.contentEditable = "plaintext-only";
  made.dir = "auto";
  made.setAttribute("role", "textbox");
  made.setAttribute("aria-label", label);
  made.spellcheck = false;
  made.addEventListener("blur", () => {
    const value = made.innerText.trim();
    if (value !== made.dataset.value) send("edit", { id, column, value });
  });
  return made;
}

function fill(field, value) {
  field.dataset.value = value.trim();
  // Never take the words away from somebody who is writing.
  if (document.activeElement !== field && field.innerText !== value) field.textContent = value;
}

function choice(column, id) {
  const label = element("label", "quiet", `${column} `);
  const list = element("select");
  for (const value of ["", "1", "2", "3", "4"]) list.append(new Option(value || "–", value));
  list.addEventListener("change", () => send("edit", { id, column, value: list.value }));
  label.append(list);
  return label;
}

function makeRow(id) {
  const row = element("article", "row");
  const picture = element("button", "picture");
  picture.type = "button";
  picture.addEventListener("click", () => enlarge(picture));
  const words = element("div", "text");
  const title = editable("title", "Title", "Name", id);
  const post = editable("words", "Post", "Post", id);
  const variants = element("div", "variants");
  words.append(title, post, variants);
  const side = element("div", "side");
  const tick = element("label", "tick");
  const box = element("input");
  box.type = "checkbox";
  box.addEventListener("change", () => send("tick", { id, value: box.checked }));
  tick.append(box, document.createTextNode("Regenerate"));
  const status = element("span", "pill");
  const provider = element("span", "quiet");
  const details = element("span", "note");
  const note = element("span", "note");
  const away = element("button", "plain away", "Move to trash");
  away.type = "button";
  away.addEventListener("click", () => send("trash", { id }));
  const choices = { Variants: choice("Variants", id), Pick: choice("Pick", id) };
  side.append(tick, status, provider, details, note, ...Object.values(choices), away);
  row.append(picture, words, side);
  return { row, picture, title, post, box, status, provider, details, note, variants, choices, shown: null };
}

function showPicture(parts, post) {
  const first = post.pictures[0];
  const name = post.pictures.map((picture) => picture.name).join(" ");
  parts.picture.setAttribute("aria-label", first ? `Enlarge the image of ${post.title}` : "No image yet");
  if (parts.shown === name) return;
  const fresh = parts.shown !== null;
  parts.shown = name;
  parts.picture.replaceChildren();
  parts.picture.disabled = !first;
  parts.picture.classList.toggle("fresh", fresh);
  if (!first) {
    parts.picture.textContent = "No image yet";
    return;
  }
  const image = element("img");
  image.src = first.src;
  image.alt = post.alt;
  parts.picture.append(image);
  parts.variants.replaceChildren(...post.pictures.slice(1).map((picture, at) => {
    const small = element("img");
    small.src = picture.src;
    small.alt = `Image ${at + 2} of ${post.title}`;
    return small;
  }));
}

function showNumbers(parts, numbers) {
  for (const [column, label] of Object.entries(parts.choices)) {
    const list = label.querySelector("select");
    if (document.activeElement !== list) list.value = numbers[column] ?? "";
  }
}

function enlarge(picture) {
  const image = picture.querySelector("img");
  if (!image) return;
  large.querySelector("img").src = image.src;
  large.querySelector("img").alt = image.alt;
  large.querySelector("p").textContent = image.alt;
  large.showModal();
}

function showPost(post) {
  let parts = drawn.get(post.id);
  if (!parts) {
    parts = makeRow(post.id);
    drawn.set(post.id, parts);
    rows.append(parts.row);
  }
  fill(parts.title, post.title);
  fill(parts.post, post.post);
  parts.box.checked = post.ticked;
  parts.status.textContent = post.status || "–";
  parts.status.dataset.status = post.status;
  // The status of a card says "Card" already.
  parts.provider.textContent = post.provider === post.status ? "" : post.provider;
  parts.details.textContent = post.details;
  parts.note.textContent = post.note;
  showPicture(parts, post);
  showNumbers(parts, post.numbers);
}

function showService(state) {
  document.getElementById("credits").textContent = state.credits === null ? "∞" : state.credits;
  const left = document.getElementById("left");
  left.max = Math.max(left.max, state.credits || 0);
  left.value = state.credits || 0;
  let words = `Ready. Images generated so far: ${state.painted}.`;
  if (state.loading > 0) words = `The model is loading (about ${Math.ceil(state.loading)} s left).`;
  else if (state.credits === 0) words = "Out of credits. New posts get placeholder cards.";
  document.getElementById("model").textContent = words;
  const spend = document.querySelector('[data-act="spend"]');
  spend.disabled = state.credits === 0;
  if (spend.disabled) markTried("spend");
}

function showOwn(state) {
  const own = document.getElementById("own");
  own.hidden = state.page === null;
  if (state.page !== null) own.href = Object.assign(new URL("/", location.href), { port: state.page }).href;
  const password = document.getElementById("password");
  password.hidden = !state.password;
  password.textContent = state.password ? `Password: ${state.password}` : "";
}

function showLog(lines) {
  const log = document.getElementById("log");
  log.replaceChildren(...lines.map((line) => {
    const item = element("li");
    const cut = line.indexOf(" ");
    item.append(element("b", "", line.slice(0, cut)), document.createTextNode(line.slice(cut)));
    return item;
  }));
  // The newest line is the one to see.
  log.scrollTop = log.scrollHeight;
}

function show(state) {
  const present = new Set(state.posts.map((post) => post.id));
  for (const [id, parts] of drawn) {
    if (!present.has(id)) {
      parts.row.remove();
      drawn.delete(id);
    }
  }
  state.posts.forEach(showPost);
  showOwn(state);
  document.getElementById("count").textContent = `${state.posts.length} in Notion`;
  showService(state);
  showLog(state.lines);
}

async function follow() {
  let version = -1;
  let missed = 0;
  for (;;) {
    try {
      const answer = await fetch(`/board/state?since=${version}`);
      const state = await answer.json();
      version = state.version;
      missed = 0;
      document.getElementById("gone").hidden = true;
      show(state);
      // A loading model counts down, though nothing changes.
      await new Promise((done) => setTimeout(done, 120));
      if (state.loading > 0) version = -1, await new Promise((done) => setTimeout(done, 700));
    } catch {
      missed += 1;
      if (missed > 2) document.getElementById("gone").hidden = false;
      await new Promise((done) => setTimeout(done, 1500));
    }
  }
}

const form = document.getElementById("new");
const add = document.getElementById("add");
function unfold(open) {
  form.hidden = !open;
  add.setAttribute("aria-expanded", String(open));
  (open ? form.elements.title : add).focus();
}
add.addEventListener("click", () => unfold(form.hidden));
document.getElementById("never-mind").addEventListener("click", () => unfold(false));
form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const body = { title: form.elements.title.value, post: form.elements.post.value };
  if (await send("add", body)) {
    form.reset();
    unfold(false);
  }
});
for (const button of document.querySelectorAll("[data-act]")) {
  button.addEventListener("click", () => send(button.dataset.act));
}
large.querySelector("button").addEventListener("click", () => large.close());
large.addEventListener("click", (event) => { if (event.target === large) large.close(); });
follow();
