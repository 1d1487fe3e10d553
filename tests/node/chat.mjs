// openai, chat completions.

import assert from 'node:assert/strict';

import OpenAI from 'openai';

import { WEATHER } from './wishes.mjs';

export { Failure, KEEP_ALIVE, retryAfter, TYPES } from './openai_errors.mjs';

export const ENDS = { stop: 'stop', tool: 'tool_calls' };
export const WAYS = { whole, stream, helper };
export const LEAVES_BY_BREAK = ['stream', 'helper'];

export function open({ url, key, retries, fetch }) {
    return new OpenAI({ baseURL: `${url}/v1`, apiKey: key, maxRetries: retries, fetch });
}

export function user(text) {
    return { role: 'user', content: text };
}

export function results(calls, texts) {
    return calls.map((call, at) => ({ role: 'tool', tool_call_id: call.id, content: texts[at] }));
}

export function body(model, history, wish) {
    const asked = { model, messages: history };
    const tool = { name: 'weather', parameters: WEATHER, strict: true };
    if (wish.tools) asked.tools = [{ type: 'function', function: tool }];
    if (wish.schema) {
        const schema = { name: 'weather', schema: WEATHER, strict: true };
        asked.response_format = { type: 'json_schema', json_schema: schema };
    }
    if (wish.thinking) asked.reasoning_effort = 'high';
    return asked;
}

async function whole(client, asked, { signal }) {
    return read(await client.chat.completions.create(asked, { signal }));
}

// Of fields it has no type for it keeps but the last piece: thoughts of some length go back cut, and without effect.
async function helper(client, asked, { signal, heard }) {
    const options = { stream_options: { include_usage: true } };
    const running = client.chat.completions.stream({ ...asked, ...options }, { signal });
    for await (const chunk of running) {
        const text = chunk.choices[0]?.delta?.content;
        if (text && heard?.(text) === false) return null;
    }
    return read(await running.finalChatCompletion());
}

// As programs do that put the pieces together themselves.
async function stream(client, asked, { signal, heard }) {
    const options = { stream: true, stream_options: { include_usage: true } };
    const answer = { message: { role: 'assistant', content: '' } };
    for await (const chunk of await client.chat.completions.create({ ...asked, ...options }, { signal })) {
        answer.model = chunk.model;
        answer.usage = chunk.usage ?? answer.usage;
        for (const choice of chunk.choices) {
            answer.finish_reason = choice.finish_reason ?? answer.finish_reason;
            add(answer.message, choice.delta);
            if (choice.delta.content && heard?.(choice.delta.content) === false) return null;
        }
    }
    return read({ ...answer, choices: [answer] });
}

function add(message, { content, reasoning_content: thought, thinking_blocks: blocks, tool_calls: calls }) {
    message.content += content ?? '';
    if (thought) message.reasoning_content = (message.reasoning_content ?? '') + thought;
    if (blocks) message.thinking_blocks = [...(message.thinking_blocks ?? []), ...blocks];
    for (const { index, function: said, ...call } of calls ?? []) {
        message.tool_calls ??= [];
        const made = (message.tool_calls[index] ??= { ...call, function: { name: said.name, arguments: '' } });
        made.function.arguments += said.arguments ?? '';
    }
}

function read(answer) {
    const [{ message, finish_reason: finish }] = answer.choices;
    const calls = (message.tool_calls ?? []).map(({ id, function: said }) => ({
        id,
        name: said.name,
        arguments: JSON.parse(said.arguments),
    }));
    return {
        turn: [sendable(message)],
        text: message.content ?? '',
        reasoning: message.reasoning_content ?? '',
        calls,
        finish,
        model: answer.model,
        tokens: [answer.usage.prompt_tokens, answer.usage.completion_tokens],
    };
}

// What the SDK adds on its own is not for the provider.
function sendable({ parsed, ...message }) {
    const calls = message.tool_calls?.map(({ function: { parsed_arguments: known, ...said }, ...call }) => ({
        ...call,
        function: said,
    }));
    return calls ? { ...message, tool_calls: calls } : message;
}

export const OWN = {
    'runTools goes on until there are no more calls': (setting) => toolRunner(setting, false),
    'runTools streams': (setting) => toolRunner(setting, true),

    async 'the helper tells contents and calls when they are done'(setting) {
        const client = setting.open();
        const told = [];
        const asked = body(setting.model(';toolcall=2'), [user('the weather?')], { tools: true });
        const running = client.chat.completions.stream(asked);
        running.on('tool_calls.function.arguments.done', (call) => told.push(call));
        const final = await running.finalChatCompletion();
        const made = final.choices[0].message.tool_calls.map((call) => call.function.arguments);
        assert.deepEqual(told.map((call) => [call.index, call.name]), [[0, 'weather'], [1, 'weather']]);
        assert.deepEqual(told.map((call) => call.arguments), made);
        assert.deepEqual(Object.keys(told[0].parsed_arguments).sort(), ['city', 'days']);
    },

    async 'parse gives what the schema describes'(setting) {
        const asked = body(setting.model(''), [user('the weather?')], { schema: true });
        const answer = await setting.open().chat.completions.parse(asked);
        assert.deepEqual(Object.keys(JSON.parse(answer.choices[0].message.content)).sort(), ['city', 'days']);
    },
};

async function toolRunner(setting, streaming) {
    const seen = [];
    const tool = {
        type: 'function',
        function: {
            name: 'weather',
            parameters: WEATHER,
            parse: JSON.parse,
            function: (given) => seen.push(given) && 'rain',
        },
    };
    const model = setting.model(`;toolcall=2;times=1;tag=${setting.tag()}`);
    const asked = { model, messages: [user('the weather?')], tools: [tool], ...(streaming && { stream: true }) };
    const runner = setting.open().chat.completions.runTools(asked);
    assert.match(await runner.finalContent(), /^Hello from the /);
    assert.deepEqual(seen.map((given) => Object.keys(given).sort()), [['city', 'days'], ['city', 'days']]);
    const roles = runner.messages.map((message) => message.role);
    assert.deepEqual(roles, ['user', 'assistant', 'tool', 'tool', 'assistant']);
}
