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

  const complain = (text) => {
    trouble.textContent = text;
    trouble.hidden = !text;
  };
  const busy = (is) => {
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

  const follow = async (body, signal) => {
    const answer = await fetch(form.action, { method: "POST", body, signal });
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
      await follow(body, mine.signal);
    } catch (error) {
      keep();
      complain(mine.signal.aborted ? "Stopped. The provider is no longer asked." : "The connection broke off.");
    }
    busy(false);
  };

  form.addEventListener("submit", (event) => {
    if (event.submitter?.hasAttribute("formaction")) return;
    event.preventDefault();
    if (!send.disabled) ask();
  });
  stop.addEventListener("click", () => asking?.abort());
  form.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey) || !event.target.matches("[data-send]")) return;
    event.preventDefault();
    form.requestSubmit(send);
  });
})();
