// @google/genai, generateContent.

import assert from 'node:assert/strict';

import { ApiError, GoogleGenAI } from '@google/genai';

import { WEATHER } from './wishes.mjs';

export const Failure = ApiError;
export const KEEP_ALIVE = null; // its SDKs take nothing but pieces of the answer
export const ENDS = { stop: 'STOP', tool: 'STOP' };
export const WAYS = { whole, stream };
export const LEAVES_BY_BREAK = []; // a loop that is left goes on reading: only its signal ends the request

export const TYPES = { 400: ApiError, 401: ApiError, 404: ApiError, 429: ApiError, 500: ApiError };

// The SDK keeps no headers: the wait is in the body, which is the message.
export function retryAfter(error) {
    const { details } = JSON.parse(error.message).error;
    const { retryDelay } = details.find((detail) => detail['@type'] === 'type.googleapis.com/google.rpc.RetryInfo');
    return parseFloat(retryDelay);
}

export function open({ url, key, retries, fetch }) {
    const retryOptions = retries ? { attempts: retries + 1, initialDelay: 0.01 } : undefined;
    return new GoogleGenAI({ apiKey: key, httpOptions: { baseUrl: url, retryOptions, fetch } });
}

export function user(text) {
    return { role: 'user', parts: [{ text }] };
}

export function results(calls, texts) {
    const responses = calls.map(({ id, name }, at) => ({ id, name, response: { output: texts[at] } }));
    return [{ role: 'user', parts: responses.map((functionResponse) => ({ functionResponse })) }];
}

export function body(model, history, wish) {
    const config = {};
    if (wish.tools) config.tools = [{ functionDeclarations: [{ name: 'weather', parametersJsonSchema: WEATHER }] }];
    if (wish.schema) Object.assign(config, { responseMimeType: 'application/json', responseJsonSchema: WEATHER });
    if (wish.thinking) config.thinkingConfig = { includeThoughts: true, thinkingBudget: 2000 };
    return { model, contents: history, config };
}

async function whole(client, asked, { signal }) {
    return read([await client.models.generateContent(signed(asked, signal))]);
}

async function stream(client, asked, { signal, heard }) {
    const pieces = [];
    for await (const piece of await client.models.generateContentStream(signed(asked, signal))) {
        pieces.push(piece);
        const text = textOf(partsOf(piece));
        if (text && heard?.(text) === false) return null;
    }
    return read(pieces);
}

function signed(asked, signal) {
    return { ...asked, config: { ...asked.config, abortSignal: signal } };
}

function partsOf(piece) {
    return piece.candidates?.[0]?.content?.parts ?? [];
}

function textOf(parts) {
    return parts.map((part) => (part.thought ? '' : (part.text ?? ''))).join('');
}

function read(pieces) {
    const parts = pieces.flatMap(partsOf);
    const calls = parts.filter((part) => part.functionCall).map((part) => part.functionCall);
    const last = pieces.at(-1);
    const usage = last.usageMetadata;
    return {
        turn: [{ role: 'model', parts }],
        text: textOf(parts),
        reasoning: parts.map((part) => (part.thought ? (part.text ?? '') : '')).join(''),
        calls: calls.map((call) => ({ id: call.id, name: call.name, arguments: call.args })),
        finish: last.candidates[0].finishReason,
        model: last.modelVersion,
        tokens: [usage.promptTokenCount, (usage.candidatesTokenCount ?? 0) + (usage.thoughtsTokenCount ?? 0)],
    };
}

export const OWN = {
    async 'a chat session keeps what it streamed'(setting) {
        const session = setting.open().chats.create({ model: setting.model(';chunks=4') });
        let text = '';
        for await (const piece of await session.sendMessageStream({ message: 'hello' })) text += piece.text ?? '';
        const history = session.getHistory(true);
        assert.equal(history[0].role, 'user');
        assert.equal(textOf(history.slice(1).flatMap((content) => content.parts)), text);
        assert.match((await session.sendMessage({ message: 'and again' })).text, /^Hello from the /);
    },

    async 'text and functionCalls tell what the parts say'(setting) {
        const asked = body(setting.model(';toolcall=2'), [user('the weather?')], { tools: true });
        const answer = await setting.open().models.generateContent(asked);
        assert.deepEqual(answer.functionCalls.map((call) => call.name), ['weather', 'weather']);
    },
};
