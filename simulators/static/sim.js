// The page /sim: tabs between panes, and the panes for Slack, SMS and mail, which ask once a second what is new.

for (const tab of document.querySelectorAll(".tab")) {
  tab.addEventListener("click", () => {
    for (const other of document.querySelectorAll(".tab")) other.setAttribute("aria-pressed", String(other === tab));
    for (const pane of document.querySelectorAll(".pane")) pane.hidden = pane.dataset.pane !== tab.dataset.pane;
  });
}

async function post(path, body) {
  const response = await fetch(path, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  const answer = await response.json();
  if (!answer.ok) throw new Error(answer.error || `the simulator answered ${response.status}`);
  return answer;
}

// A file as the control API takes it: a data URL ends with the content as base64.
function sentFile(file) {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve({ name: file.name, content_base64: reader.result.split(",", 2)[1] || "" });
    reader.onerror = () => reject(reader.error);
    reader.readAsDataURL(file);
  });
}

function slackPane(pane) {
  const part = (name) => pane.querySelector(`[data-slack="${name}"]`);
  const who = part("who"), text = part("text"), messages = part("messages"), mode = part("mode");
  const modal = part("modal");
  let channel = "", seen = "", thread = null, editing = null, form = "";

  async function refresh() {
    const query = new URLSearchParams({ as: who.value, channel, seen });
    const response = await fetch(`/sim/slack/pane?${query}`);
    if (response.status !== 200) return;
    const view = await response.json();
    const atEnd = messages.scrollHeight - messages.scrollTop - messages.clientHeight < 80;
    const moved = channel !== view.channel;
    seen = view.seen;
    channel = view.channel;
    part("title").textContent = view.title;
    part("places").innerHTML = view.places; // escaped by the server's templates
    messages.innerHTML = view.messages;
    showModal(view.modal);
    const state = part("connected");
    state.textContent = view.connected ? `${view.connected} socket${view.connected > 1 ? "s" : ""} open` : "the bot is not connected";
    state.classList.toggle("off", !view.connected);
    if (atEnd || moved) messages.scrollTop = messages.scrollHeight;
  }

  function showModal(html) {
    if (form === html) return; // What somebody is typing in it stays.
    form = html;
    modal.innerHTML = html; // escaped by the server's templates
    modal.hidden = !html;
    modal.querySelector("[data-block]")?.focus();
  }

  async function submitModal(view) {
    const values = {};
    for (const field of view.querySelectorAll("[data-block]")) values[field.dataset.block] = field.value;
    try {
      await post("/sim/slack/submit", { from: who.value, view_id: view.dataset.view, values });
    } catch (problem) {
      const error = view.querySelector('[data-modal="error"]');
      error.textContent = problem.message;
      error.hidden = false;
    }
    await refresh();
  }

  function setMode(words) {
    mode.hidden = !words;
    mode.querySelector("span").textContent = words ? `${words} ` : "";
    if (!words) { thread = null; editing = null; }
    text.focus();
  }

  function failed(error) {
    part("error").textContent = error.message;
    part("error").hidden = false;
  }

  async function send() {
    const files = await Promise.all([...part("files").files].map(sentFile));
    if (!text.value.trim() && (editing || !files.length)) return;
    if (editing) await post("/sim/slack/edit", { ...editing, text: text.value });
    else await post("/sim/slack/say", { from: who.value, text: text.value, channel, files, ...(thread && { thread }) });
    text.value = "";
    part("files").value = "";
    part("error").hidden = true;
    if (editing) setMode("");
    await refresh();
    messages.scrollTop = messages.scrollHeight;
  }

  async function act(button) {
    const message = button.closest(".message");
    const place = message && { channel: message.dataset.channel, ts: message.dataset.ts };
    switch (button.dataset.do) {
      case "go":
        channel = button.dataset.channel; setMode(""); return refresh();
      case "reply":
        thread = place.ts; editing = null; return setMode("Replying in the thread.");
      case "edit":
        editing = place; text.value = button.dataset.text; return setMode("Editing your message.");
      case "cancel":
        text.value = ""; return setMode("");
      case "delete":
        await post("/sim/slack/delete", place); return refresh();
      case "assistant": {
        const opened = await post("/sim/slack/assistant", { from: who.value });
        channel = opened.channel; thread = opened.ts; editing = null;
        setMode("Writing in a new chat.");
        return refresh();
      }
      case "prompt":
        await post("/sim/slack/say", { from: who.value, text: button.dataset.message, channel, thread: button.dataset.thread });
        return refresh();
      case "react":
        await post("/sim/slack/react", { from: who.value, ...place, name: button.dataset.name, remove: button.dataset.given === "yes" });
        return refresh();
      case "close":
        await post("/sim/slack/close", { from: who.value, view_id: button.closest("[data-view]").dataset.view });
        return refresh();
      case "click": {
        const { actionId, value } = button.dataset;
        part("error").hidden = true;
        await post("/sim/slack/click", { from: who.value, ...place, action_id: actionId, ...(value && { value }) });
        return refresh();
      }
    }
  }

  pane.addEventListener("click", (event) => {
    const button = event.target.closest("[data-do]");
    if (button) act(button).catch(failed);
  });
  modal.addEventListener("submit", (event) => { event.preventDefault(); submitModal(event.target).catch(failed); });
  part("composer").addEventListener("submit", (event) => { event.preventDefault(); send().catch(failed); });
  text.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && !event.shiftKey && !event.isComposing) { event.preventDefault(); send().catch(failed); }
  });
  text.addEventListener("input", () => { text.style.height = "auto"; text.style.height = `${text.scrollHeight}px`; });
  who.addEventListener("change", () => { channel = ""; setMode(""); refresh().catch(failed); });

  const poll = () => refresh().catch(() => {}).finally(() => setTimeout(poll, 1000));
  poll();
}

function smsPane(pane) {
  const part = (name, within = pane) => within.querySelector(`[data-sms="${name}"]`);
  let seen = "";

  function phoneOf(view) {
    const phones = [...pane.querySelectorAll('[data-sms="phone"]')];
    const known = phones.find((phone) => phone.dataset.number === view.number);
    if (known) return known;
    const phone = part("another").content.firstElementChild.cloneNode(true);
    phone.dataset.number = view.number;
    phone.setAttribute("aria-label", `Phone of ${view.name}`);
    part("text", phone).setAttribute("aria-label", `Text message from ${view.name}`);
    part("name", phone).textContent = view.name;
    part("number", phone).textContent = view.name === view.number ? "" : view.number;
    part("phones").append(phone);
    return phone;
  }

  function show(view) {
    const phone = phoneOf(view), messages = part("messages", phone);
    if (messages.innerHTML !== view.messages) {
      messages.innerHTML = view.messages; // escaped by the server's templates
      messages.scrollTop = messages.scrollHeight;
    }
    part("stopped", phone).hidden = !view.stopped;
  }

  async function refresh() {
    if (pane.hidden) return; // A list that is not shown cannot be scrolled to its end.
    const response = await fetch(`/sim/sms/pane?${new URLSearchParams({ seen })}`);
    if (response.status !== 200) return;
    const view = await response.json();
    seen = view.seen;
    part("webhook").textContent = view.webhook ? `posted to ${view.webhook}` : "no webhook: the bot looks for new messages";
    view.phones.forEach(show);
  }

  async function send(phone) {
    const text = part("text", phone), error = part("error", phone);
    if (!text.value.trim()) return;
    try {
      await post("/sim/sms/say", { from: phone.dataset.number, text: text.value });
      text.value = "";
      error.hidden = true;
      await refresh();
    } catch (problem) {
      error.textContent = problem.message;
      error.hidden = false;
    }
  }

  pane.addEventListener("submit", (event) => { event.preventDefault(); send(event.target.closest('[data-sms="phone"]')); });
  pane.addEventListener("keydown", (event) => {
    if (event.target.dataset.sms !== "text" || event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    send(event.target.closest('[data-sms="phone"]'));
  });

  const poll = () => refresh().catch(() => {}).finally(() => setTimeout(poll, 1000));
  poll();
}

function mailPane(pane) {
  const part = (name) => pane.querySelector(`[data-mail="${name}"]`);
  const who = part("who"), subject = part("subject"), text = part("text"), messages = part("messages"), mode = part("mode");
  let seen = "", replied = "";

  async function refresh() {
    if (pane.hidden) return; // A list that is not shown cannot be scrolled to its end.
    const response = await fetch(`/sim/email/pane?${new URLSearchParams({ as: who.value, seen })}`);
    if (response.status !== 200) return;
    const view = await response.json();
    seen = view.seen;
    part("address").textContent = who.value;
    messages.innerHTML = view.messages; // escaped by the server's templates
    mark();
    messages.scrollTop = messages.scrollHeight;
  }

  function mark() {
    for (const card of messages.querySelectorAll("[data-n]")) card.classList.toggle("chosen", card.dataset.n === replied);
  }

  function reply(card) {
    replied = card ? card.dataset.n : "";
    const words = card ? card.dataset.subject : "";
    mode.hidden = !card;
    mode.querySelector("span").textContent = `Replying to "${words}". `;
    subject.value = card ? (/^re:/i.test(words) ? words : `Re: ${words}`) : "";
    mark();
    text.focus();
  }

  function failed(error) {
    part("error").textContent = error.message;
    part("error").hidden = false;
  }

  async function send() {
    if (!text.value.trim()) return;
    await post("/sim/email/say", {
      from: who.value, subject: subject.value, text: text.value, ...(replied && { in_reply_to: Number(replied) }),
    });
    text.value = "";
    part("error").hidden = true;
    reply(null);
    await refresh();
  }

  async function act(button) {
    const card = button.closest("[data-n]");
    switch (button.dataset.do) {
      case "reply":
        return reply(card);
      case "cancel":
        return reply(null);
      case "answer":
        await post("/sim/email/answer_invite", {
          to_message: Number(card.dataset.n), from: who.value, answer: button.dataset.answer,
        });
        part("error").hidden = true;
        return refresh();
    }
  }

  pane.addEventListener("click", (event) => {
    const button = event.target.closest("[data-do]");
    if (button) act(button).catch(failed);
  });
  part("composer").addEventListener("submit", (event) => { event.preventDefault(); send().catch(failed); });
  who.addEventListener("change", () => { reply(null); refresh().catch(failed); });

  const poll = () => refresh().catch(() => {}).finally(() => setTimeout(poll, 1000));
  poll();
}

const slack = document.getElementById("pane-slack");
if (slack) slackPane(slack);
const sms = document.getElementById("pane-sms");
if (sms) smsPane(sms);
const email = document.getElementById("pane-email");
if (email) mailPane(email);
