// A real OpenID provider for tests: https://github.com/panva/node-oidc-provider with one client, a handful of accounts
// and an interaction that believes whatever account is named. Says where it is in its first line, ends with its standard input.
//
//     node openid/provider.mjs '{"client_id": …, "client_secret": …, "path": "/login/corp/callback", "accounts": {…}}'

import { createServer } from 'node:http';

import Provider from 'oidc-provider';

const wish = JSON.parse(process.argv[2]);
const accounts = wish.accounts;

const server = createServer();
await new Promise((ready) => server.listen(0, '127.0.0.1', ready));
const issuer = `http://127.0.0.1:${server.address().port}`;

const provider = new Provider(issuer, {
    clients: [
        {
            client_id: wish.client_id,
            client_secret: wish.client_secret,
            // A native client may come back to any port of this machine: RFC 8252, section 7.3.
            application_type: 'native',
            redirect_uris: [`http://127.0.0.1${wish.path}`],
            ...wish.client,
        },
    ],
    claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['name'], groups: ['groups'] },
    // Claims in the identity token itself, or at the userinfo endpoint alone as the standard has it.
    conformIdTokenClaims: !wish.full_tokens,
    pkce: { required: () => true, methods: ['S256'] },
    features: { devInteractions: { enabled: false } },
    cookies: { keys: ['nothing here is secret'] },
    interactions: { url: (_context, interaction) => `/interaction/${interaction.uid}` },
    findAccount: (_context, id) => accounts[id] && { accountId: id, claims: () => ({ sub: id, ...accounts[id] }) },
    ...(wish.keys && { jwks: { keys: wish.keys } }),
});

/** Logs in whom the query names and consents to everything; nobody is somebody who turns back. */
async function interact(request, response) {
    const account = new URL(request.url, issuer).searchParams.get('account');
    const { params, uid } = await provider.interactionDetails(request, response);
    if (account === null) {
        response.end(`Who are you? GET /interaction/${uid}?account=…`);
    } else if (account === '') {
        await provider.interactionFinished(request, response, { error: 'access_denied', error_description: 'went away' });
    } else {
        const grant = new provider.Grant({ accountId: account, clientId: params.client_id });
        grant.addOIDCScope(params.scope);
        const consent = { grantId: await grant.save() };
        await provider.interactionFinished(request, response, { login: { accountId: account }, consent });
    }
}

const callback = provider.callback();
server.on('request', (request, response) => {
    if (!request.url.startsWith('/interaction/')) {
        callback(request, response);
        return;
    }
    interact(request, response).catch((error) => {
        response.statusCode = 500;
        response.end(`${error.name}: ${error.message}`);
    });
});

process.stdin.resume();
process.stdin.on('end', () => process.exit(0));
console.log(`listening on ${issuer}`);
