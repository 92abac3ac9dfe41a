// The report's script: shows the state of a step when it is opened, searches, and listens to keys. It builds elements and sets
// their text; nothing that came from a thread is ever parsed as HTML.
"use strict";
(() => {
  const data = JSON.parse(document.getElementById("states").textContent);
  const steps = Array.from(document.querySelectorAll("#timeline details.step"));
  const search = document.getElementById("search");
  const told = document.getElementById("told");
  const ROLES = { human: "human", ai: "ai", tool: "tool", system: "system" };
  const MOST = 100;
  const LONGEST = 20000;
  const IMAGE = /^data:image\/(png|jpeg|gif|webp);base64,[A-Za-z0-9+/=]*$/;

  // What is not seen, such as a turn of the writing direction, is told by its code, as in the rest of the page.
  const UNSEEN = /(?![\n\t\u200d])[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu;
  const printable = (text) => String(text).replace(UNSEEN, (each) => "\\u" + each.codePointAt(0).toString(16).padStart(4, "0"));

  function element(name, kind, text) {
    const made = document.createElement(name);
    if (kind) made.className = kind;
    if (text !== undefined) made.textContent = printable(text);
    return made;
  }

  // A list is written as its first items, which are those of the list of an earlier step, and what comes after them.
  function valueOf(entry, name) {
    if (typeof entry === "number") return data.values[entry];
    const parts = [];
    let wanted = Infinity;
    for (let part = entry; ; part = data.steps[part.of][name]) {
      parts.unshift(part.items.slice(0, Math.max(0, wanted - part.keep)));
      wanted = Math.min(wanted, part.keep);
      if (wanted === 0) break;
    }
    return parts.flat().map((index) => data.values[index]);
  }

  function isMessage(value) {
    return value !== null && typeof value === "object" && typeof value.$type === "string" &&
      value.$type.startsWith("langchain_core.messages.") && "content" in value;
  }

  function shown(value) {
    const text = typeof value === "string" ? value : JSON.stringify(value, null, 2);
    return text.length <= LONGEST ? text : text.slice(0, LONGEST) + " … and " + (text.length - LONGEST) + " more characters";
  }

  // A block of a message: its text, its image if it holds one of a kind without scripts, or else what stands in the file.
  function block(value) {
    if (value && value.type === "text" && typeof value.text === "string") return element("div", "text", shown(value.text));
    const address = value && value.image_url && (value.image_url.url || value.image_url);
    if (typeof address === "string" && IMAGE.test(address)) {
      const image = element("img");
      image.alt = "image";
      image.src = address;
      return image;
    }
    return element("pre", "", shown(value));
  }

  function message(value) {
    const role = value.$type.split(".").pop().replace(/Chunk$/, "").replace(/Message$/, "").toLowerCase();
    const made = element("div", "message " + (Object.hasOwn(ROLES, role) ? ROLES[role] : "other"));
    made.append(element("div", "role", role));
    if (Array.isArray(value.content)) made.append(...value.content.map(block));
    else made.append(element("div", "text", shown(value.content)));
    for (const call of Array.isArray(value.tool_calls) ? value.tool_calls : []) {
      made.append(element("div", "small", "→ " + (call && call.name) + " " + JSON.stringify(call && call.args)));
    }
    return made;
  }

  function body(value) {
    if (Array.isArray(value) && value.length && value.every(isMessage)) {
      const chat = element("div", "chat");
      if (value.length > MOST) chat.append(element("p", "soft", value.length - MOST + " earlier ones are not shown"));
      chat.append(...value.slice(-MOST).map(message));
      return chat;
    }
    return element("pre", "", shown(value));
  }

  function showState(step) {
    const place = step.querySelector(".state");
    if (!place || place.childNodes.length) return;
    const channels = data.steps[Number(place.dataset.step)];
    for (const name of Object.keys(channels)) {
      const channel = element("div", "channel");
      channel.append(element("h4", "", name), body(valueOf(channels[name], name)));
      place.append(channel);
    }
  }

  for (const step of steps) {
    const state = step.querySelector("details.whole");
    if (state) state.addEventListener("toggle", () => state.open && showState(step));
  }

  // What a step's changes say, and, whole, the values that its state has and the one before has not: the changes may be cut.
  const said = steps.map((step) => step.textContent.toLowerCase());
  const texts = [];

  function textOf(index) {
    if (texts[index] === undefined) texts[index] = JSON.stringify(data.values[index]).toLowerCase();
    return texts[index];
  }

  function newIn(number) {
    const before = number ? data.steps[number - 1] : {};
    return Object.entries(data.steps[number]).flatMap(([name, entry]) =>
      typeof entry === "number" ? (before[name] === entry ? [] : [entry]) : entry.items);
  }

  function matches(at, wanted) {
    const place = steps[at].querySelector(".state");
    return said[at].includes(wanted) || newIn(Number(place.dataset.step)).some((index) => textOf(index).includes(wanted));
  }

  function filter() {
    const wanted = search.value.trim().toLowerCase();
    let count = 0;
    steps.forEach((step, at) => {
      const hit = !wanted || matches(at, wanted);
      step.hidden = !hit;
      if (hit) count += 1;
    });
    told.textContent = wanted ? count + " of " + steps.length + " steps" : steps.length + " steps";
  }

  function all(open) {
    for (const step of steps) if (!step.hidden) step.open = open;
  }

  function move(by) {
    const seen = steps.filter((step) => !step.hidden).map((step) => step.querySelector("summary"));
    if (!seen.length) return;
    const at = seen.indexOf(document.activeElement);
    const next = seen[at < 0 ? (by > 0 ? 0 : seen.length - 1) : Math.min(seen.length - 1, Math.max(0, at + by))];
    next.focus();
    next.scrollIntoView({ block: "nearest" });
  }

  search.addEventListener("input", filter);
  document.getElementById("open").addEventListener("click", () => all(true));
  document.getElementById("close").addEventListener("click", () => all(false));
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (document.activeElement === search) {
      if (event.key === "Escape") { search.value = ""; filter(); search.blur(); }
      return;
    }
    if (event.key === "/") { event.preventDefault(); search.focus(); }
    else if (event.key === "j") move(1);
    else if (event.key === "k") move(-1);
  });
  document.getElementById("tools").hidden = false;
  filter();
})();
