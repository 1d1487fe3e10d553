// The playground with a script: the answer is shown as it comes, and can be stopped. Without one the form does the same,
// and shows the answer when it is there.
"use strict";

(() => {
  const form = document.getElementById("play");
  if (!form || !window.TextDecoderStream) return;
  const at = (id) => document.getElementById(id);
  const [send, stop, trouble, outcome, talk] = ["send", "stop", "trouble", "outcome", "talk"].map(at);
  const message = at("p-message");
  let asking = null;
  let isAnswering = false;

  const complain = (text) => {
    trouble.textContent = text;
    trouble.hidden = !text;
  };
  const busy = (is) => {
    if (!is && document.activeElement === stop) (message ?? send).focus();
    isAnswering = is;
    send.disabled = is;
    stop.hidden = !is;
    at("answer")?.setAttribute("aria-busy", String(is));
  };
  const add = (id, text) => {
    const element = at(id);
    if (!element || !text) return;
    element.hidden = false;
    element.append(text);
  };

  // One event: parts of the page that take the place of those there, or words.
  const take = (said) => {
    if (said.talk !== undefined && !talk.hidden) talk.innerHTML = said.talk;
    if (said.outcome !== undefined) {
      outcome.innerHTML = said.outcome;
      document.dispatchEvent(new CustomEvent("htmx:after:swap"));
    }
    if (said.answered && message) message.value = "";
    // What comes behind the answer is what was booked: there is nothing to be stopped any more.
    if (said.over) busy(false);
    add("thought", said.thought);
    add("answer", said.text);
    if (said.problem) complain(said.problem);
  };

  // What has come of an answer that was stopped stays part of the conversation.
  const keep = () => {
    const kept = at("answer-kept");
    if (kept) kept.value = `M${at("answer").textContent}`;
    const state = at("play-state");
    if (state) state.textContent = "stopped";
    if (message && at("answer")?.textContent) message.value = "";
  };

  const follow = async (body, mine) => {
    const answer = await fetch(form.action, { method: "POST", body, signal: mine.signal });
    if (!(answer.headers.get("content-type") ?? "").startsWith("text/event-stream")) {
      if (answer.redirected || answer.status === 401) location.reload();
      else complain(answer.status === 403 ? "Load the page anew: its form is too old, or your session is over." : "The gateway's dashboard does not answer as it should. Try again.");
      return;
    }
    const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
    for (let rest = ""; ;) {
      const { value, done } = await reader.read();
      if (done) return;
      const events = (rest + value).split("\n\n");
      rest = events.pop();
      if (mine !== asking) return;
      for (const event of events) take(JSON.parse(event.slice("data: ".length)));
    }
  };

  const ask = async () => {
    asking?.abort();
    const mine = asking = new AbortController();
    const body = new URLSearchParams(new FormData(form));
    body.set("follow", "yes");
    complain("");
    outcome.replaceChildren();
    if (talk.hidden) at("answer").replaceChildren();
    busy(true);
    try {
      await follow(body, mine);
    } catch (error) {
      if (mine === asking && isAnswering) {
        keep();
        complain(mine.signal.aborted ? "Stopped. The provider is no longer asked." : "The connection broke off.");
      }
    }
    if (mine === asking) busy(false);
  };

  // What stands here stays for as long as the tab does, whatever fails: a key that has to be made first, a session that
  // is over, a page that is loaded anew. What an address says goes before it, and it is for nobody but who wrote it.
  const DRAFT = "sluicegate-playground";
  const there = new URLSearchParams(location.search);
  const draft = { who: form.dataset.who, of: `${form.elements.mode?.value ?? ""} ${form.elements.replay?.value ?? ""}` };
  const fields = () => [...form.elements].filter((each) => each.name && !["hidden", "submit"].includes(each.type));
  const turns = () => {
    const all = [...form.querySelectorAll('input[name="turn"]')].map((each) => each.value);
    return all.at(-1) === "M" ? all.slice(0, -2) : all;
  };
  let isOver = false;
  const save = () => {
    const values = fields().map((each) => [each.name, each.type === "checkbox" ? each.checked : each.value]);
    const text = JSON.stringify({ ...draft, values, turns: turns() });
    if (isOver || text.length > 1000000) sessionStorage.removeItem(DRAFT);
    else sessionStorage.setItem(DRAFT, text);
  };
  const line = (turn) => {
    const element = document.createElement("li");
    const [who, said, kept] = ["span", "span", "input"].map((name) => document.createElement(name));
    element.className = turn[0] === "U" ? "mine" : "theirs";
    who.className = "unseen";
    who.textContent = turn[0] === "U" ? "You:" : "Model:";
    said.textContent = turn.slice(1);
    Object.assign(kept, { type: "hidden", name: "turn", value: turn });
    element.append(who, said, kept);
    return element;
  };
  const restore = () => {
    const found = JSON.parse(sessionStorage.getItem(DRAFT) ?? "{}");
    if (found.who !== draft.who || found.of !== draft.of || location.pathname !== "/playground" || there.has("model")) return;
    const values = new Map(found.values);
    for (const each of fields()) {
      if (!values.has(each.name)) continue;
      if (each.type === "checkbox") each.checked = values.get(each.name);
      else each.value = values.get(each.name);
    }
    if (talk.hidden || !found.turns.length) return;
    const list = document.createElement("ol");
    list.className = "talk";
    list.append(...found.turns.map(line));
    talk.replaceChildren(list);
  };
  restore();
  addEventListener("pagehide", save);
  form.querySelector("[data-over]")?.addEventListener("click", () => { isOver = true; });

  form.addEventListener("submit", (event) => {
    if (event.submitter?.hasAttribute("formaction")) return;
    event.preventDefault();
    if (!send.disabled) ask();
  });
  stop.addEventListener("click", () => { if (isAnswering) asking.abort(); });
  form.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey) || !event.target.matches("[data-send]")) return;
    event.preventDefault();
    form.requestSubmit(send);
  });
})();
