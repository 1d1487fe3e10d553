// What must hold for every SDK, whichever dialect the provider speaks. An SDK is a module of this folder: how it asks
// (`WAYS`), how it reads, and what it calls its errors. A check ends, or throws what is wrong.

import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';

import { Ledger, now, until } from './ledger.mjs';

// Of a provider that would go on for much longer.
const AT_ONCE_MS = 5000;

// One SDK at one gateway with one provider behind it, and at another gateway that soon bridges a pause.
export class Setting {
    constructor(sdk, { url, impatient, key, model, mock }) {
        this.sdk = sdk;
        this.url = url;
        this.impatient = impatient;
        this.key = key;
        this.ledger = new Ledger(mock);
        this.plainModel = model;
        this.provider = model.split('/')[0];
    }

    // The model's name with a script for the mock.
    model(script) {
        return this.plainModel + script;
    }

    tag() {
        return randomUUID().replaceAll('-', '');
    }

    open({ url = this.url, key = this.key, retries = 0, fetch } = {}) {
        return this.sdk.open({ url, key, retries, fetch });
    }

    // Ask once; `heard` is called with each piece of text and may say `false` to leave.
    async ask(way, script, { wish = {}, history, client = this.open(), signal, heard, model } = {}) {
        const { sdk } = this;
        const asked = sdk.body(model ?? this.model(script), history ?? [sdk.user('hello')], wish);
        return sdk.WAYS[way](client, asked, { signal, heard });
    }
}

// A conversation: what the SDK gave goes back as it was.
class Talk {
    constructor(setting, way, wish) {
        Object.assign(this, { setting, way, wish, history: [], last: null });
    }

    say(script, text) {
        this.history.push(this.setting.sdk.user(text));
        return this.go(script);
    }

    results(script, ...texts) {
        this.history.push(...this.setting.sdk.results(this.last.calls, texts));
        return this.go(script);
    }

    async go(script) {
        this.last = await this.setting.ask(this.way, script, { wish: this.wish, history: [...this.history] });
        this.history.push(...this.last.turn);
        return this.last;
    }
}

const EVERY_WAY = {
    async 'a chat'(setting, way) {
        const said = await setting.ask(way, ';chunks=5');
        assert.match(said.text, /^Hello from the /);
        assert.equal(said.finish, setting.sdk.ENDS.stop);
        assert.equal(said.model, setting.model(';chunks=5'));
        assert.ok(said.tokens[0] > 0 && said.tokens[1] > 0, `${said.tokens}`);
    },

    async 'strange letters arrive whole'(setting, way) {
        const pieces = way === 'whole' ? [''] : ['', ';split', ';byte', ';split;crlf'];
        const answers = await Promise.all(pieces.map((how) => setting.ask(way, `;utf8;chunks=16${how}`)));
        const texts = answers.map((said) => said.text);
        for (const text of texts) {
            assert.ok(!text.includes('\ufffd'), text);
            assert.match(text, /\p{Emoji_Presentation}/u);
            assert.equal(text, texts[0]);
        }
    },

    async 'a tool loop with two calls at once'(setting, way) {
        const talk = new Talk(setting, way, { tools: true });
        const said = await talk.say(';toolcall=2', 'what is the weather?');
        assert.deepEqual(said.calls.map((call) => call.name), ['weather', 'weather']);
        for (const call of said.calls) assert.deepEqual(Object.keys(call.arguments).sort(), ['city', 'days']);
        assert.equal(said.finish, setting.sdk.ENDS.tool);
        const heard = JSON.parse((await talk.results(';echo', 'rain', 'sun')).text);
        assert.deepEqual(heard.results, ['rain', 'sun']);
    },

    async 'structured output'(setting, way) {
        const said = await setting.ask(way, '', { wish: { schema: true } });
        assert.deepEqual(Object.keys(JSON.parse(said.text)).sort(), ['city', 'days']);
    },

    async 'thinking is kept over the turns of a tool loop'(setting, way) {
        const think = setting.provider === 'chat' ? ';reasoning' : '';
        const talk = new Talk(setting, way, { tools: true, thinking: true });
        const said = await talk.say(`${think};toolcall=1`, 'think about the weather');
        assert.ok(said.reasoning || setting.provider === 'chat', 'no thoughts');
        assert.equal(said.calls.length, 1);
        assert.ok((await talk.results(think, 'rain')).text);
        assert.ok((await talk.say(think, 'and tomorrow?')).text);
    },

    async 'errors are typed'(setting, way) {
        const causes = { 400: ';status=400', 429: ';status=429', 500: ';status=500' };
        for (const [status, script] of Object.entries(causes)) {
            const error = await failure(setting.ask(way, script));
            assertTyped(setting, error, Number(status));
        }
        const missing = await failure(setting.ask(way, '', { model: `${setting.provider}/missing-model` }));
        assertTyped(setting, missing, 404);
        const stranger = await failure(setting.ask(way, '', { client: setting.open({ key: 'sk-nobody' }) }));
        assertTyped(setting, stranger, 401);
    },

    async 'a limit says how long to wait'(setting, way) {
        const error = await failure(setting.ask(way, ';status=429;retry=7'));
        assertTyped(setting, error, 429);
        assert.equal(setting.sdk.retryAfter(error), 7);
    },

    async 'an overloaded provider is a server error'(setting, way) {
        const error = await failure(setting.ask(way, ';overloaded;retry=3'));
        assertTyped(setting, error, 500);
        assert.ok([503, 529].includes(error.status), `${error.status}`);
    },

    async 'the SDK tries again by itself'(setting, way) {
        const tag = setting.tag();
        const client = setting.open({ retries: 1 });
        const said = await setting.ask(way, `;status=500;retry=0.01;times=1;tag=${tag}`, { client });
        assert.match(said.text, /^Hello from the /);
        assert.equal((await setting.ledger.requests(tag)).length, 2);
    },

    async 'leaving before the answer frees the provider at once'(setting, way) {
        await assertFreed(setting, `;first=20s`, async (script, signal, leave, tag) => {
            const asked = failure(setting.ask(way, script, { signal }));
            await until(() => setting.ledger.requests(tag));
            leave();
            await asked;
        });
    },
};

const STREAMS = {
    async 'an error inside the stream is raised'(setting, way) {
        await assertRaised(setting, way, ';errorevent=3;pace=30ms', /error/i);
    },

    async 'a stream that is cut is raised'(setting, way) {
        await assertRaised(setting, way, ';cut=3;pace=30ms', /ended early|closed/i);
    },

    async 'a stream without its end is raised'(setting, way) {
        if (setting.provider === 'chat') return; // which has said why it ends: the mark behind that may be missing
        await assertRaised(setting, way, ';chunks=3;pace=30ms;nodone', /ended (early|without)/i);
    },

    async 'an error before the content is an answer of its own'(setting, way) {
        const error = await failure(setting.ask(way, ';errorevent=0'));
        assertTyped(setting, error, 500);
    },

    async 'pauses are bridged by what the SDK understands'(setting, way) {
        const scripts = [';think=900ms;chunks=3', ';chunks=3;pace=600ms'];
        await Promise.all(scripts.map((script) => assertBridged(setting, way, script)));
    },

    async 'a signal frees the provider at once'(setting, way) {
        await assertFreed(setting, ';chunks=1000;pace=20ms', async (script, signal, leave) => {
            await setting.ask(way, script, { signal, heard: leave }).catch(() => null);
        });
    },
};

const LEFT_LOOPS = {
    async 'a loop that is left frees the provider at once'(setting, way) {
        await assertFreed(setting, ';chunks=1000;pace=20ms', async (script) => {
            let left = 0;
            await setting.ask(way, script, { heard: () => !(left = now()) });
            return left;
        });
    },
};

// Every check of an SDK, by name.
export function checksOf(setting) {
    const found = {};
    const { WAYS, LEAVES_BY_BREAK, OWN } = setting.sdk;
    const streams = Object.keys(WAYS).filter((way) => way !== 'whole');
    const tables = [
        [EVERY_WAY, Object.keys(WAYS)],
        [STREAMS, streams],
        [LEFT_LOOPS, LEAVES_BY_BREAK],
    ];
    for (const [table, ways] of tables) {
        for (const [name, check] of Object.entries(table)) {
            for (const way of ways) found[`${name} (${way})`] = () => check(setting, way);
        }
    }
    for (const [name, check] of Object.entries(OWN)) found[name] = () => check(setting);
    return found;
}

// What a promise was rejected with.
async function failure(promise) {
    let said;
    try {
        said = await promise;
    } catch (error) {
        return error;
    }
    throw new Error(`no error but ${JSON.stringify(said)}`);
}

function assertTyped({ sdk }, error, status) {
    assert.ok(error instanceof sdk.TYPES[status], `${status}: ${error?.constructor?.name} ${error?.stack}`);
    if (status < 500) assert.equal(error.status, status);
    else assert.ok(error.status >= 500, `${error.status}`);
}

// What came before the failure was heard, and the failure is the SDK's own.
async function assertRaised(setting, way, script, words) {
    let text = '';
    const error = await failure(setting.ask(way, script, { heard: (piece) => void (text += piece) }));
    assert.ok(error instanceof setting.sdk.Failure, `${error?.constructor?.name} ${error?.stack}`);
    assert.equal(text, 'Hello from the ');
    assert.match(error.message, words);
}

// The answer is whole although it paused, and what came in the pause is what the SDK bears.
async function assertBridged(setting, way, script) {
    const { fetch, bodies } = recording();
    const client = setting.open({ url: setting.impatient, fetch });
    const said = await setting.ask(way, script, { client });
    assert.equal(said.text, 'Hello from the ');
    const [raw] = await Promise.all(bodies);
    const lines = raw.split('\n');
    const { KEEP_ALIVE } = setting.sdk;
    // A provider's stream has one of its own.
    if (KEEP_ALIVE) assert.ok(lines.filter((line) => line === KEEP_ALIVE).length > 1, raw);
    else assert.deepEqual(lines.filter((line) => line && !line.startsWith('data: {')), []);
}

// After `act`, the provider has lost its client within `AT_ONCE_MS` of the moment when it was left.
async function assertFreed(setting, script, act) {
    const tag = setting.tag();
    const controller = new AbortController();
    let left = 0;
    const leave = () => {
        left ||= now();
        controller.abort();
    };
    left = (await act(`${script};tag=${tag}`, controller.signal, leave, tag)) || left;
    const [gone] = await until(() => setting.ledger.disconnects(tag));
    assert.ok(left > 0 && gone.at_ms - left < AT_ONCE_MS, `${gone.at_ms - left} ms`);
}

// A `fetch` that keeps what came, byte for byte as text.
function recording() {
    const bodies = [];
    const recorded = async (url, options) => {
        const answer = await fetch(url, options);
        const [mine, theirs] = answer.body.tee();
        bodies.push(new Response(mine).text());
        return new Response(theirs, { status: answer.status, headers: answer.headers });
    };
    return { fetch: recorded, bodies };
}
