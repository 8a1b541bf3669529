// An OpenID Connect server that nobody here has written: `oidc-provider`, set to be as strict as it can be.
//
// Told by its first argument which clients there are, it says on its first line where it listens and with which keys it
// signs. Afterwards each line on its input is a request of the test's, answered by one line; it ends with its input.
//
// Its paths are Google's where Google has some, and /youtube/v3/channels tells whose channel a token is for. Nothing else
// of Google's is imitated: what a token, a code or a request is worth, oidc-provider alone decides.

import { generateKeyPairSync } from 'node:crypto';
import { createServer } from 'node:http';
import { createInterface } from 'node:readline';

import Provider, { interactionPolicy } from 'oidc-provider';

const YOUTUBE = 'https://www.googleapis.com/auth/';
const SCOPES = ['youtube.upload', 'youtube.readonly', 'yt-analytics.readonly'].map((each) => YOUTUBE + each);
const PEOPLE = {
  ada: { email: 'ada@example.com', email_verified: true, name: 'Ada Lovelace', channel: `UC${'a'.repeat(22)}` },
  bob: { email: 'bob@example.com', email_verified: true, name: 'Bob', channel: `UC${'b'.repeat(22)}` },
  mallory: { email: 'ada@example.com', email_verified: false, name: 'Mallory', channel: `UC${'c'.repeat(22)}` },
};
const SIGNED_BY = ['RS256', 'PS256', 'RS512', 'ES256', 'EdDSA'];

// Its notices; the test's own lines stand alone.
console.info = console.warn = console.error;

const { clients } = JSON.parse(process.argv[2]);
const now = Date.now.bind(Date);
let generation = 0;
let keys = [];
let provider;

const server = createServer(serve);
server.listen(0, '127.0.0.1', () => {
  renew({ keep: false });
  tell({ url: issuer(), keys });
});

const requests = {
  keys: renew,
  clock: ({ seconds }) => { Date.now = () => now() + seconds * 1000; },
};
createInterface({ input: process.stdin })
  .on('line', (line) => {
    const { request, ...told } = JSON.parse(line);
    requests[request](told);
    tell({ keys });
  })
  .on('close', () => process.exit(0));

function tell(answer) {
  process.stdout.write(`${JSON.stringify(answer)}\n`);
}

function issuer() {
  return `http://127.0.0.1:${server.address().port}`;
}

// Sign with new keys from now on; those of before are published beside them, or not at all.
function renew({ keep }) {
  generation += 1;
  const made = [
    ['rsa', { modulusLength: 2048 }, ['RS256', 'PS256', 'RS512']],
    ['ec', { namedCurve: 'P-256' }, ['ES256']],
    ['ed25519', {}, ['EdDSA']],
  ].map(([kind, options]) => ({
    ...generateKeyPairSync(kind, options).privateKey.export({ format: 'jwk' }),
    kid: `${kind}-${generation}`,
    use: 'sig',
  }));
  keys = keep ? [...made, ...keys] : made;
  provider = strict();
}

function strict() {
  const policy = interactionPolicy.base();
  policy.add(new interactionPolicy.Prompt({ name: 'select_account', requestable: true }), 0);
  return new Provider(issuer(), {
    clients,
    jwks: { keys },
    scopes: ['openid', 'offline_access', ...SCOPES],
    claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['name'] },
    conformIdTokenClaims: false,
    cookies: { keys: ['of a test'] },
    enabledJWA: {
      idTokenSigningAlgValues: [...SIGNED_BY, 'HS256'],
      userinfoSigningAlgValues: SIGNED_BY,
      introspectionSigningAlgValues: SIGNED_BY,
      authorizationSigningAlgValues: SIGNED_BY,
    },
    // Google's paths.
    routes: { authorization: '/o/oauth2/v2/auth', token: '/token', revocation: '/revoke' },
    pkce: { required: () => true },
    rotateRefreshToken: true,
    issueRefreshToken: (_, client) => client.grantTypeAllowed('refresh_token'),
    expiresWithSession: () => false,
    interactions: { policy, url: (_, interaction) => `/interaction/${interaction.uid}` },
    findAccount: (_, id) => PEOPLE[id] && { accountId: id, claims: () => ({ sub: id, ...shown(PEOPLE[id]) }) },
    extraTokenClaims: (_, token) => (token.accountId ? shown(PEOPLE[token.accountId]) : undefined),
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      dPoP: { enabled: true },
      introspection: { enabled: true },
      jwtIntrospection: { enabled: true },
      jwtResponseModes: { enabled: true },
      jwtUserinfo: { enabled: true },
      backchannelLogout: { enabled: true },
      resourceIndicators: { enabled: true, getResourceServerInfo: resource, useGrantedResource: () => true },
      revocation: { enabled: true },
    },
  });
}

function shown({ email, email_verified, name }) {
  return { email, email_verified, name };
}

// `urn:api:AUDIENCE:ALGORITHM`: tokens for that API, signed so.
function resource(_, indicator) {
  const [, , audience, alg] = indicator.split(':');
  return { audience, scope: 'clips', accessTokenFormat: 'jwt', jwt: { sign: { alg } } };
}

async function serve(request, response) {
  const { pathname } = new URL(request.url, issuer());
  try {
    if (pathname === '/youtube/v3/channels') return await channels(request, response);
    if (pathname.startsWith('/interaction/')) return await interact(request, response);
    return provider.callback()(request, response);
  } catch (failed) {
    return response.writeHead(failed.statusCode ?? 500).end(String(failed.error_description ?? failed.message));
  }
}

async function channels(request, response) {
  const token = (request.headers.authorization ?? '').replace(/^Bearer /, '');
  const found = token && (await provider.AccessToken.find(token));
  const known = found?.isValid && found.scopes.has(`${YOUTUBE}youtube.readonly`);
  const person = known && PEOPLE[found.accountId];
  const answer = person
    ? { items: [{ id: person.channel, snippet: { title: person.name } }] }
    : { error: { code: 401, errors: [{ reason: 'authError' }], status: 'UNAUTHENTICATED' } };
  response.writeHead(person ? 200 : 401, { 'content-type': 'application/json' }).end(JSON.stringify(answer));
}

// The page on which somebody chooses who they are, and unticks.
async function interact(request, response) {
  const details = await provider.interactionDetails(request, response);
  const { uid, params } = details;
  const asked = (params.scope ?? '').split(' ').filter(Boolean);
  if (request.method === 'GET') {
    const input = (type, name, value) => `<input type="${type}" name="${name}" value="${value}">`;
    const form = [
      input('hidden', 'visit', uid),
      ...Object.keys(PEOPLE).map((each) => input('radio', 'account', each)),
      ...asked.map((each) => input('checkbox', 'scope', each)),
      '<button name="answer" value="allow">Allow</button><button name="answer" value="deny">Cancel</button>',
    ];
    const page = `<!doctype html><title>Sign in</title><form method="post" action="/interaction/${uid}">${form.join('')}</form>`;
    return response.writeHead(200, { 'content-type': 'text/html' }).end(page);
  }
  const body = new URLSearchParams(Buffer.concat(await request.toArray()).toString());
  if (body.get('answer') !== 'allow') {
    return provider.interactionFinished(request, response, { error: 'access_denied' });
  }
  const accountId = body.get('account');
  const grant = new provider.Grant({ accountId, clientId: params.client_id });
  const ticked = asked.filter((each) => body.getAll('scope').includes(each));
  grant.addOIDCScope(ticked.join(' '));
  grant.rejectOIDCScope(asked.filter((each) => !ticked.includes(each)).join(' '));
  if (params.resource) grant.addResourceScope(params.resource, 'clips');
  const grantId = await grant.save();
  const result = { login: { accountId }, select_account: {}, consent: { grantId } };
  return provider.interactionFinished(request, response, result);
}
