// The mock provider's ledger, and waiting for what it will say.

import { setTimeout as pause } from 'node:timers/promises';

const PATIENCE_MS = 10_000;

export class Ledger {
    constructor(url) {
        this.url = url;
    }

    // The requests with this tag, oldest first.
    async requests(tag) {
        return (await this.state(tag)).last_requests;
    }

    // The clients with this tag that left early, oldest first; `at_ms` is on the clock of `now`.
    async disconnects(tag) {
        return (await this.state(tag)).disconnects;
    }

    async state(tag) {
        const answer = await fetch(`${this.url}/mock/state?tag=${tag}`);
        return answer.json();
    }
}

// The first value of `ask` that is not empty.
export async function until(ask) {
    const deadline = now() + PATIENCE_MS;
    for (;;) {
        const found = await ask();
        if (found?.length) return found;
        if (now() > deadline) throw new Error(`still nothing after ${PATIENCE_MS} ms`);
        await pause(10);
    }
}

// Milliseconds of the machine's monotonic clock, which is also the mock's.
export function now() {
    return Number(process.hrtime.bigint()) / 1e6;
}
