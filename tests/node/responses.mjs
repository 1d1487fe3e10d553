// openai, responses.

import assert from 'node:assert/strict';

import OpenAI from 'openai';

import { WEATHER } from './wishes.mjs';

export { Failure, KEEP_ALIVE, retryAfter, TYPES } from './openai_errors.mjs';

export const ENDS = { stop: 'completed', tool: 'completed' };
export const WAYS = { whole, stream, helper };
export const LEAVES_BY_BREAK = ['stream', 'helper'];

export function open({ url, key, retries, fetch }) {
    return new OpenAI({ baseURL: `${url}/v1`, apiKey: key, maxRetries: retries, fetch });
}

export function user(text) {
    return { role: 'user', content: [{ type: 'input_text', text }] };
}

export function results(calls, texts) {
    return calls.map((call, at) => ({ type: 'function_call_output', call_id: call.id, output: texts[at] }));
}

export function body(model, history, wish) {
    const asked = { model, input: history, store: false };
    if (wish.tools) asked.tools = [{ type: 'function', name: 'weather', parameters: WEATHER, strict: true }];
    if (wish.schema) asked.text = { format: { type: 'json_schema', name: 'weather', schema: WEATHER, strict: true } };
    if (wish.thinking) {
        asked.reasoning = { effort: 'high', summary: 'auto' };
        asked.include = ['reasoning.encrypted_content'];
    }
    return asked;
}

async function whole(client, asked, { signal }) {
    return read(await client.responses.create(asked, { signal }));
}

async function helper(client, asked, { signal, heard }) {
    const running = client.responses.stream(asked, { signal });
    for await (const event of running) {
        if (event.type === 'response.output_text.delta' && heard?.(event.delta) === false) return null;
    }
    return read(await running.finalResponse());
}

async function stream(client, asked, { signal, heard }) {
    let last = null;
    for await (const event of await client.responses.create({ ...asked, stream: true }, { signal })) {
        if (event.type === 'response.output_text.delta' && heard?.(event.delta) === false) return null;
        last = event;
    }
    assert.equal(last?.type, 'response.completed');
    const { response } = last;
    return read({ ...response, output_text: textOf(response) });
}

function textOf(response) {
    const parts = response.output.filter((item) => item.type === 'message').flatMap((item) => item.content);
    return parts.map((part) => part.text).join('');
}

function read(answer) {
    const thoughts = answer.output.filter((item) => item.type === 'reasoning').flatMap((item) => item.summary);
    const calls = answer.output.filter((item) => item.type === 'function_call');
    return {
        turn: plain(answer.output),
        text: answer.output_text,
        reasoning: thoughts.map((part) => part.text).join(''),
        calls: calls.map((call) => ({ id: call.call_id, name: call.name, arguments: JSON.parse(call.arguments) })),
        finish: answer.status,
        model: answer.model,
        tokens: [answer.usage.input_tokens, answer.usage.output_tokens],
    };
}

// What the SDK adds on its own is not for the provider.
function plain(output) {
    return JSON.parse(JSON.stringify(output, (name, value) => (name.startsWith('parsed') ? undefined : value)));
}

export const OWN = {
    async 'the helper puts together what the last event says'(setting) {
        for (const [script, wish] of [['', {}], [';toolcall=2', { tools: true }], [';thinking', { thinking: true }]]) {
            const asked = body(setting.model(script), [user('the weather?')], wish);
            const running = setting.open().responses.stream(asked);
            const snapshots = [];
            let completed = null;
            running.on('response.output_text.delta', (event) => snapshots.push(event.snapshot));
            running.on('response.completed', (event) => (completed = event.response));
            const final = await running.finalResponse();
            assert.equal(final.output_text, textOf(completed));
            assert.equal(snapshots.at(-1) ?? '', final.output_text);
            assert.deepEqual(plain(final.output), plain(completed.output));
        }
    },

    async 'events are numbered one after the other'(setting) {
        const asked = body(setting.model(';toolcall=2'), [user('the weather?')], { tools: true });
        const numbers = [];
        for await (const event of setting.open().responses.stream(asked)) numbers.push(event.sequence_number);
        assert.deepEqual(numbers, numbers.map((_, at) => at + numbers[0]));
    },

    async 'parse gives what the schema describes'(setting) {
        const asked = body(setting.model(''), [user('the weather?')], { schema: true });
        const answer = await setting.open().responses.parse(asked);
        assert.deepEqual(Object.keys(JSON.parse(answer.output_text)).sort(), ['city', 'days']);
    },
};

