import { relativeTime } from "./times.ts";

/** The script of the page, which receives the events and updates only the parts that differ. */
export const clientScript = String.raw`
"use strict";
const relativeTime = ${String(relativeTime)};

const main = document.querySelector("main");
const list = document.getElementById("machines");
const empty = document.getElementById("empty");
const connection = document.getElementById("connection");
const announcement = document.getElementById("announcement");
const SILENCE_MS = 40000;

let revision = main.dataset.revision;
let shownAt = Number(main.dataset.at);
let clockOffset = shownAt - performance.now();
let source;
let silence;

document.documentElement.classList.add("live");
tellTimes(document);
scrollToEnds(document);
connect();
setInterval(() => document.hidden || tellTimes(document), 1000);

function connect() {
  source?.close();
  source = new EventSource("status/events?after=" + encodeURIComponent(revision));
  source.addEventListener("change", (event) => {
    revision = event.lastEventId;
    show(JSON.parse(event.data));
    alive(event);
  });
  source.addEventListener("alive", alive);
  source.addEventListener("error", lost);
  listen();
}

function alive(event) {
  shownAt = JSON.parse(event.data).at;
  clockOffset = shownAt - performance.now();
  setConnection("live", "Live");
  listen();
}

// A connection that was lost silently, for example during sleep, is detected by missing heartbeats.
function listen() {
  clearTimeout(silence);
  silence = setTimeout(lost, SILENCE_MS);
}

function lost() {
  setConnection("lost", "Connection lost, reconnecting. This is the state of " + new Date(shownAt - clockOffset).toLocaleTimeString());
  clearTimeout(silence);
  source.close();
  silence = setTimeout(connect, 1000 + Math.random() * 2000);
}

function setConnection(state, text) {
  connection.dataset.state = state;
  if (connection.textContent !== text) connection.textContent = text;
}

function show(change) {
  morph(document.getElementById("summary"), parse(change.summary));
  document.title = document.getElementById("summary").dataset.title;
  const cards = new Map([...list.children].map((card) => [card.dataset.key, card]));
  const changes = [];
  for (const [key, text] of Object.entries(change.cards)) {
    const card = cards.get(key);
    const next = parse(text);
    if (card?.dataset.condition !== next.dataset.condition) {
      changes.push(next.dataset.name + ": " + next.querySelector(".badge").textContent);
    }
    if (card) update(card, next);
    else cards.set(key, list.appendChild(next));
  }
  const order = new Set(change.order);
  for (const [key, card] of cards) if (!order.has(key)) card.remove();
  arrange(change.order.map((key) => cards.get(key)).filter(Boolean));
  empty.hidden = change.order.length > 0;
  tellTimes(document);
  announce(changes);
}

function parse(text) {
  const template = document.createElement("template");
  template.innerHTML = text;
  return template.content.firstElementChild;
}

function update(card, next) {
  const following = [...card.querySelectorAll(".scroll")].filter(isAtEnd);
  morph(card, next);
  for (const box of following) box.scrollTop = box.scrollHeight;
}

// Makes one tree equal to another. Equal parts are not touched, so that focus, selection and scroll position stay.
function morph(from, to) {
  if (from.nodeType !== to.nodeType || from.nodeName !== to.nodeName) return from.replaceWith(to);
  if (from.nodeType !== Node.ELEMENT_NODE) {
    if (from.data !== to.data) from.data = to.data;
    return;
  }
  if (from.localName === "time" && from.dateTime === to.dateTime) return;
  morphAttributes(from, to);
  let old = from.firstChild;
  for (const next of [...to.childNodes]) {
    const part = next.dataset?.part;
    if (part) {
      const found = [...from.children].find((child) => child.dataset.part === part);
      while (found && old !== found) old = removed(old);
    }
    if (old && (old.dataset?.part ?? "") === (part ?? "") && old.nodeName === next.nodeName) {
      const after = old.nextSibling;
      morph(old, next);
      old = after;
    } else from.insertBefore(next, old);
  }
  while (old) old = removed(old);
}

function removed(node) {
  const after = node.nextSibling;
  node.remove();
  return after;
}

// Nothing is closed under a reader's eyes, and what a reader has closed stays so.
function morphAttributes(from, to) {
  for (const { name } of [...from.attributes]) {
    if (!to.hasAttribute(name) && name !== "open") from.removeAttribute(name);
  }
  for (const { name, value } of to.attributes) {
    if (from.getAttribute(name) !== value && !(name === "open" && from.chosen)) from.setAttribute(name, value);
  }
}

// Moves the others around the card that has the focus: an element that is moved loses it.
function arrange(cards) {
  const boxes = [...list.querySelectorAll(".scroll")].map((box) => [box, box.scrollLeft, box.scrollTop]);
  const held = cards.findIndex((card) => card.contains(document.activeElement));
  place(cards.slice(0, Math.max(held, 0)), list.firstElementChild);
  place(cards.slice(held + 1), held < 0 ? list.firstElementChild : cards[held].nextElementSibling);
  for (const [box, left, top] of boxes) box.scrollTo(left, top);
}

function place(cards, before) {
  for (const card of cards) {
    if (card === before) before = before.nextElementSibling;
    else list.insertBefore(card, before);
  }
}

function announce(changes) {
  if (changes.length === 0) return;
  announcement.textContent = changes.length > 5 ? changes.length + " machines changed their state" : changes.join(". ");
}

function tellTimes(root) {
  const now = performance.now() + clockOffset;
  for (const time of root.querySelectorAll("time")) {
    const at = new Date(time.dateTime);
    const isNew = time.told !== time.dateTime;
    if (time.dataset.shown === "relative") setText(time, relativeTime(at - now));
    else if (isNew) setText(time, at.toLocaleTimeString([], { hourCycle: "h23" }));
    if (isNew) time.title = at.toLocaleString();
    time.told = time.dateTime;
  }
}

function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

function isAtEnd(box) {
  return box.scrollHeight - box.scrollTop - box.clientHeight < 8;
}

function scrollToEnds(root) {
  for (const box of root.querySelectorAll(".scroll")) box.scrollTop = box.scrollHeight;
}

document.addEventListener("click", ({ target }) => {
  const summary = target.closest("summary");
  if (summary) summary.parentElement.chosen = true;
  const button = target.closest("[data-copy]");
  if (button) copy(button);
});

document.addEventListener("toggle", ({ target }) => target.open && scrollToEnds(target), true);

// Not by navigator.clipboard: only pages that came over TLS have it.
function copy(button) {
  const code = button.parentElement.querySelector("code");
  const range = document.createRange();
  range.selectNodeContents(code);
  getSelection().removeAllRanges();
  getSelection().addRange(range);
  announcement.textContent = document.execCommand("copy") ? "Copied " + button.dataset.copy : "Press Ctrl+C to copy";
  button.classList.add("done");
  setTimeout(() => button.classList.remove("done"), 2000);
}
`;
