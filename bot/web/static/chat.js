// The chat page: conversations, the messages of one, and the box to write in.

import { errorOf, follow, nodesOf } from "/static/stream.js";

const byId = (id) => document.getElementById(id);
const [log, status, text, send] = ["log", "status", "text", "send"].map(byId);
const empty = byId("empty");
const credential = byId("chat").dataset.credential;

let conversation = "";
let threadId = "";
let stop = () => {};
let pending = null; // the message under way: its id stays the same when it is sent again

const random = () => Array.from(crypto.getRandomValues(new Uint8Array(8)), (b) => b.toString(16).padStart(2, "0")).join("");
const day = { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit", hour12: false };
const newName = () => `${new Date().toLocaleString("en-GB", day)} · ${random().slice(0, 4)}`;

function say(words, state) {
  status.textContent = words;
  status.dataset.status = state;
}

async function threads() {
  const response = await fetch("/api/threads?limit=200");
  if (!response.ok) throw new Error(await errorOf(response));
  const all = (await response.json()).threads;
  return all.filter((thread) => thread.channel === "api" && thread.account === credential);
}

function list(mine) {
  const links = mine.map((thread) => {
    const link = document.createElement("a");
    link.href = `#${encodeURIComponent(thread.conversation)}`;
    link.textContent = thread.conversation;
    link.title = thread.conversation;
    if (thread.conversation === conversation) link.setAttribute("aria-current", "true");
    const item = document.createElement("li");
    item.append(link);
    return item;
  });
  byId("conversations").replaceChildren(...links);
}

async function show() {
  const mine = await threads();
  const wanted = decodeURIComponent(location.hash.slice(1));
  const found = wanted ? mine.find((thread) => thread.conversation === wanted) : mine[0];
  conversation = wanted || (found ? found.conversation : newName());
  list(mine);
  byId("title").textContent = found || wanted ? conversation : "New conversation";
  open(found ? found.thread_id : "");
}

function open(id) {
  stop();
  threadId = id;
  const link = byId("thread-link");
  link.hidden = !id;
  log.replaceChildren(empty);
  say("", "idle");
  if (!id) return;
  link.href = `/threads/${encodeURIComponent(id)}`;
  stop = follow(`/threads/${encodeURIComponent(id)}/chat`, 0, take, connected);
}

function connected(well) {
  if (!well) say("The connection is lost; trying again …", "error");
  else if (status.dataset.status === "error") say("", "idle");
}

function take(batch) {
  const atEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 80;
  const nodes = nodesOf(batch.items, "m");
  if (nodes.length) empty.remove();
  for (const time of nodes.flatMap((node) => [...node.querySelectorAll("time")])) {
    time.textContent = new Date(time.dateTime).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
  }
  log.append(...nodes);
  say(batch.status === "idle" ? "" : batch.words, batch.status);
  if (atEnd) log.scrollTop = log.scrollHeight;
}

async function post() {
  const words = text.value;
  if (!words.trim() || send.disabled) return;
  if (!pending || pending.text !== words) pending = { conversation, text: words, id: random() };
  send.disabled = true;
  try {
    const response = await fetch("/api/messages", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(pending),
    });
    if (!response.ok) throw new Error(await errorOf(response));
    await sent(await response.json());
  } catch (error) {
    say(`Not sent: ${error.message}. Your words are still in the box.`, "error");
  } finally {
    send.disabled = false;
    text.focus();
  }
}

async function sent(answer) {
  pending = null;
  text.value = "";
  if (answer.thread_id === threadId) return;
  history.replaceState(null, "", `#${encodeURIComponent(conversation)}`);
  byId("title").textContent = conversation;
  open(answer.thread_id);
  list(await threads());
}

byId("composer").addEventListener("submit", (event) => {
  event.preventDefault();
  post();
});
text.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
    event.preventDefault();
    post();
  }
});
byId("new").addEventListener("click", async () => {
  history.pushState(null, "", "#");
  conversation = newName();
  byId("title").textContent = "New conversation";
  open("");
  list(await threads());
  text.focus();
});
addEventListener("hashchange", () => show().catch((error) => say(error.message, "error")));

show()
  .then(() => text.focus())
  .catch((error) => say(error.message, "error"));
