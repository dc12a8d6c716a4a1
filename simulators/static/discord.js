// The Discord pane of the page /sim: write, reply, react, press buttons, fill in forms; asks once a second what is new.

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

function discordPane(pane) {
  const part = (name) => pane.querySelector(`[data-discord="${name}"]`);
  const who = part("who"), text = part("text"), messages = part("messages"), mode = part("mode"), modal = part("modal");
  let channel = "", seen = "", replied = null, editing = null, form = "";

  async function refresh() {
    if (pane.hidden) return; // A list that is not shown cannot be scrolled to its end.
    const response = await fetch(`/sim/discord/pane?${new URLSearchParams({ as: who.value, channel, seen })}`);
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
    state.textContent = view.connected ? "the bot is connected" : "the bot is not connected";
    state.classList.toggle("off", !view.connected);
    if (atEnd || moved) messages.scrollTop = messages.scrollHeight;
  }

  function showModal(html) {
    if (form === html) return; // What somebody is typing in it stays.
    form = html;
    modal.innerHTML = html; // escaped by the server's templates
    modal.hidden = !html;
    modal.querySelector("[data-field]")?.focus();
  }

  async function submitModal(view) {
    const fields = {};
    for (const field of view.querySelectorAll("[data-field]")) fields[field.dataset.field] = field.value;
    try {
      await post("/sim/discord/submit", { from: who.value, fields });
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
    if (!words) { replied = null; editing = null; }
    text.focus();
  }

  function failed(error) {
    part("error").textContent = error.message;
    part("error").hidden = false;
  }

  async function send() {
    const words = text.value.trim();
    if (!words) return;
    const place = { from: who.value, channel };
    if (editing) await post("/sim/discord/edit", { message: editing, text: words });
    else if (words.startsWith("/")) await post("/sim/discord/slash", { ...place, ...call(words) });
    else await post("/sim/discord/say", { ...place, text: words, ...(replied && { reply_to: replied }) });
    text.value = "";
    part("error").hidden = true;
    setMode("");
    await refresh();
    messages.scrollTop = messages.scrollHeight;
  }

  // "/ask question: what is new" calls a command with an option.
  function call(words) {
    const [, command, rest] = words.match(/^\/(\S+)\s*([\s\S]*)$/) ?? [null, words, ""];
    const option = rest.match(/^([\w-]+):\s*([\s\S]+)$/);
    return { command: `/${command}`, options: option ? { [option[1]]: option[2] } : {} };
  }

  async function act(button) {
    const message = button.closest("[data-id]")?.dataset.id;
    switch (button.dataset.do) {
      case "go":
        channel = button.dataset.channel; setMode(""); return refresh();
      case "reply":
        replied = message; editing = null; return setMode("Replying.");
      case "edit":
        editing = message; text.value = button.dataset.text; return setMode("Editing your message.");
      case "cancel":
        text.value = ""; return setMode("");
      case "delete":
        await post("/sim/discord/delete", { message }); return refresh();
      case "react":
        await post("/sim/discord/react", { from: who.value, message, emoji: button.dataset.emoji }); return refresh();
      case "thread": {
        const thread = await post("/sim/discord/thread", { from: who.value, message, name: "A thread" });
        channel = thread.channel; return refresh();
      }
      case "close":
        await post("/sim/discord/close", { from: who.value }); return refresh();
      case "press":
        part("error").hidden = true;
        await post("/sim/discord/press", { from: who.value, message, button: button.dataset.button });
        return refresh();
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

const discord = document.getElementById("pane-discord");
if (discord) discordPane(discord);
