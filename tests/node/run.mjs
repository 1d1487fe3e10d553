// What an official SDK makes of a gateway: `node run.mjs CLIENT URL IMPATIENT KEY MODEL MOCK` runs all checks of
// `checks.mjs` and of the SDK that CLIENT names, and prints `{"checks": {name: null or what went wrong}}`. IMPATIENT is
// another gateway, one that soon bridges a pause; MODEL is `provider/model`; MOCK is the address of the mock provider,
// whose ledger tells what reached it.

import { checksOf, Setting } from './checks.mjs';

const [client, url, impatient, key, model, mock] = process.argv.slice(2);
const sdk = await import(`./${client}.mjs`);
const setting = new Setting(sdk, { url, impatient, key, model, mock });

const unhandled = [];
process.on('unhandledRejection', (reason) => unhandled.push(told(reason)));

const names = checksOf(setting);
const verdicts = await Promise.all(Object.values(names).map(verdict));
const checks = Object.fromEntries(Object.keys(names).map((name, at) => [name, verdicts[at]]));
checks['nothing is left unhandled'] = unhandled.join('\n') || null;
process.stdout.write(`${JSON.stringify({ checks })}\n`);
process.exit(0); // connections that are kept alive would keep us

async function verdict(check) {
    try {
        await check();
        return null;
    } catch (error) {
        return told(error);
    }
}

function told(error) {
    return String(error?.stack ?? error);
}
