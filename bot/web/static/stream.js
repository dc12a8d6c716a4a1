// Follows a stream of server-sent events, also after the server was away.

export function follow(address, last, onBatch, onConnection) {
  let source = null;
  let timer = 0;
  let ended = false;

  function open() {
    source = new EventSource(`${address}?after=${last}`);
    source.onopen = () => onConnection(true);
    source.onmessage = (message) => {
      last = Number(message.lastEventId);
      onBatch(JSON.parse(message.data));
    };
    source.onerror = () => {
      onConnection(false);
      // After an answer that is not a stream the browser gives up; we do not.
      if (source.readyState === EventSource.CLOSED && !ended) timer = setTimeout(open, 3000);
    };
  }

  open();
  return () => {
    ended = true;
    clearTimeout(timer);
    source.close();
  };
}

// What the server has rendered and escaped, as nodes; anything that is there already is left out.
export function nodesOf(items, prefix) {
  const nodes = [];
  for (const item of items) {
    if (document.getElementById(prefix + item.seq)) continue;
    const template = document.createElement("template");
    template.innerHTML = item.html;
    nodes.push(...template.content.children);
  }
  return nodes;
}

export async function errorOf(response) {
  try {
    return (await response.json()).error.message;
  } catch {
    return `the bot answered ${response.status}`;
  }
}
