// @anthropic-ai/sdk, messages.

import assert from 'node:assert/strict';

import Anthropic from '@anthropic-ai/sdk';

import { WEATHER } from './wishes.mjs';

export const Failure = Anthropic.APIError;
export const KEEP_ALIVE = 'event: ping';
export const ENDS = { stop: 'end_turn', tool: 'tool_use' };
export const WAYS = { whole, stream, helper };
export const LEAVES_BY_BREAK = ['stream', 'helper'];

export const TYPES = {
    400: Anthropic.BadRequestError,
    401: Anthropic.AuthenticationError,
    404: Anthropic.NotFoundError,
    429: Anthropic.RateLimitError,
    500: Anthropic.InternalServerError,
};

export function retryAfter(error) {
    return Number(error.headers.get('retry-after'));
}

export function open({ url, key, retries, fetch }) {
    return new Anthropic({ baseURL: url, apiKey: key, maxRetries: retries, fetch });
}

export function user(text) {
    return { role: 'user', content: [{ type: 'text', text }] };
}

export function results(calls, texts) {
    const content = calls.map((call, at) => ({ type: 'tool_result', tool_use_id: call.id, content: texts[at] }));
    return [{ role: 'user', content }];
}

export function body(model, history, wish) {
    const asked = { model, max_tokens: 4000, messages: history };
    if (wish.tools) asked.tools = [{ name: 'weather', input_schema: WEATHER }];
    if (wish.schema) asked.output_config = { format: { type: 'json_schema', schema: WEATHER } };
    if (wish.thinking) asked.thinking = { type: 'enabled', budget_tokens: 2000 };
    return asked;
}

async function whole(client, asked, { signal }) {
    return read(await client.messages.create(asked, { signal }));
}

async function helper(client, asked, { signal, heard }) {
    const running = client.messages.stream(asked, { signal });
    for await (const event of running) {
        if (event.delta?.type === 'text_delta' && heard?.(event.delta.text) === false) return null;
    }
    return read(await running.finalMessage());
}

// As programs do that put the pieces together themselves.
async function stream(client, asked, { signal, heard }) {
    const message = {};
    const ended = [];
    for await (const event of await client.messages.create({ ...asked, stream: true }, { signal })) {
        ended.push(event.type);
        TAKE[event.type]?.(message, event);
        if (event.delta?.type === 'text_delta' && heard?.(event.delta.text) === false) return null;
    }
    assert.equal(ended.at(-1), 'message_stop');
    return read(message);
}

const TAKE = {
    message_start: (message, event) => Object.assign(message, event.message),
    content_block_start: (message, event) => (message.content[event.index] = { ...event.content_block, json: '' }),
    content_block_delta: (message, { index, delta }) => ADD[delta.type](message.content[index], delta),
    content_block_stop: (message, { index }) => {
        const { json, ...block } = message.content[index];
        message.content[index] = json ? { ...block, input: JSON.parse(json) } : block;
    },
    message_delta: (message, event) => {
        const counted = Object.entries(event.usage).filter(([, count]) => count != null);
        message.stop_reason = event.delta.stop_reason;
        Object.assign(message.usage, Object.fromEntries(counted));
    },
};

const ADD = {
    text_delta: (block, delta) => (block.text += delta.text),
    thinking_delta: (block, delta) => (block.thinking += delta.thinking),
    signature_delta: (block, delta) => (block.signature = delta.signature),
    input_json_delta: (block, delta) => (block.json += delta.partial_json),
};

function read(answer) {
    const said = (kind, field) => answer.content.filter((block) => block.type === kind).map((block) => block[field]);
    const calls = answer.content.filter((block) => block.type === 'tool_use');
    const { input_tokens: fresh, output_tokens: produced, ...usage } = answer.usage;
    const cached = (usage.cache_read_input_tokens ?? 0) + (usage.cache_creation_input_tokens ?? 0);
    return {
        turn: [{ role: 'assistant', content: answer.content }],
        text: said('text', 'text').join(''),
        reasoning: said('thinking', 'thinking').join(''),
        calls: calls.map((call) => ({ id: call.id, name: call.name, arguments: call.input })),
        finish: answer.stop_reason,
        model: answer.model,
        tokens: [fresh + cached, produced],
    };
}

export const OWN = {
    async 'finalMessage is what the events said'(setting) {
        const asked = body(setting.model(';toolcall=2'), [user('the weather?')], { tools: true, thinking: true });
        const running = setting.open().messages.stream(asked);
        const told = { text: '', thinking: '', signatures: [], json: '', blocks: [] };
        running.on('text', (delta) => (told.text += delta));
        running.on('thinking', (delta) => (told.thinking += delta));
        running.on('signature', (signature) => told.signatures.push(signature));
        running.on('inputJson', (delta) => (told.json += delta));
        running.on('contentBlock', (block) => told.blocks.push(block));
        const final = await running.finalMessage();
        const said = read(final);
        assert.deepEqual([told.text, told.thinking], [said.text, said.reasoning]);
        assert.deepEqual(told.blocks, final.content);
        const given = JSON.parse(`[${told.json.replaceAll('}{', '},{')}]`);
        assert.deepEqual(given, said.calls.map((call) => call.arguments));
        const signed = final.content.filter((block) => block.type === 'thinking').map((block) => block.signature);
        assert.deepEqual(told.signatures, signed.filter(Boolean));
    },

    async 'finalText is the text alone'(setting) {
        const asked = body(setting.model(';thinking;chunks=8'), [user('hello')], { thinking: true });
        assert.match(await setting.open().messages.stream(asked).finalText(), /^Hello from the /);
    },

    async 'the tool runner goes on until there are no more calls'(setting) {
        const seen = [];
        const tool = { name: 'weather', input_schema: WEATHER, run: (given) => seen.push(given) && 'rain' };
        // It begins with a thread; where the provider itself must refuse that, the calls come with the second request.
        const times = setting.provider === 'messages' ? 2 : 1;
        const model = setting.model(`;toolcall=2;times=${times};tag=${setting.tag()}`);
        const asked = { model, max_tokens: 4000, messages: [user('the weather?')], tools: [tool] };
        const final = await setting.open().beta.messages.toolRunner(asked);
        assert.match(read(final).text, /^Hello from the /);
        assert.deepEqual(seen.map((given) => Object.keys(given).sort()), [['city', 'days'], ['city', 'days']]);
    },
};
