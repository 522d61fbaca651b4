// What the official Node SDK of OpenAI sees behind Asgard.
//
// Prints TAP; t/sdk/sdk_node.t starts it and reads it.  The client is used
// with its defaults, retries included: only the address and the key are ours.
// ASGARD_HTTP2=1: it fetches with undici, which may speak HTTP/2.
'use strict';
const OpenAI = require('openai');
const {collect, ok, run, same} = require('./tap.cjs');

const URL = process.env.ASGARD_URL + '/v1';
const HELLO = [{role: 'user', content: 'Hello from Node'}];
let requests = 0;

function fetcher() {
  if (!process.env.ASGARD_HTTP2) return fetch;
  const undici = require('undici');
  const dispatcher = new undici.Agent({allowH2: true});
  return (url, options) => undici.fetch(url, {...options, dispatcher});
}

const send = fetcher();

function client(name = 'good', more = {}) {
  return new OpenAI({
    baseURL: URL,
    apiKey: process.env[`ASGARD_${name.toUpperCase()}_KEY`],
    fetch: (...args) => { requests++; return send(...args); },
    ...more,
  });
}

// The call fails with exactly `kind` and goes out `sends` times.
async function refused(call, kind, status, code, sends, sentence) {
  requests = 0;
  try {
    await call();
  } catch (e) {
    const good = e.constructor === kind && e.status === status &&
      e.code === code && requests === sends;
    ok(good, sentence, [e.constructor.name, e.status, e.code, requests,
      e.message]);
    return e;
  }
  ok(false, sentence, 'nothing was thrown');
  return undefined;
}

function chat(c, model = 'one', more = {}) {
  return c.chat.completions.create({model, messages: HELLO, ...more});
}

async function answers(c) {
  const {data, response} = await chat(c).withResponse();
  same(data.model, 'one', 'the answer names the model that was asked for');
  ok(data.choices[0].message.content.length > 0, 'the answer has a text');
  same([data.usage.prompt_tokens, data.usage.completion_tokens], [10, 20],
    "the answer has the provider's usage");
  same(response.headers.get('x-asgard-cost-usd'), '0.00021',
    'the cost stands in a header');
  ok(/^[A-Za-z0-9._-]{1,64}$/.test(response.headers.get('x-asgard-trace-id')),
    'and so does a trace id');
  let r = await chat(c, 'echo', {max_tokens: 50});
  ok(r.choices[0].message.content.includes('Hello from Node'),
    'echo answers with the prompt', r);
  r = await c.completions.create({model: 'echo', prompt: 'Say it',
    max_tokens: 16});
  ok(r.choices[0].text.includes('Say it'), 'completions are answered', r);
  r = await c.embeddings.create({model: 'echo', input: ['one', 'two']});
  same(r.data.length, 2, 'embeddings: one vector for each input');
  ok(r.data[0].embedding.length > 0 &&
    r.data[0].embedding.every((x) => typeof x === 'number'),
    'a vector is a list of numbers', r.data[0]);
}

async function streams(c) {
  const begun = performance.now();
  const times = [];
  let chunks = [];
  for await (const chunk of await chat(c, 'echo:chunks=8,gap_ms=60',
    {stream: true})) {
    times.push(performance.now() - begun);
    chunks.push(chunk);
  }
  const text = chunks.map((x) => x.choices[0]?.delta.content ?? '').join('');
  ok(text.includes('Hello from Node'), 'a stream carries the whole text',
    text);
  ok(times[0] < times.at(-1) / 2, 'chunks arrive as they are made', times);
  ok(chunks.every((x) => x.choices.length && !x.usage),
    'no extra usage event for a client that did not ask');
  chunks = await collect(chat(c, 'echo',
    {stream: true, stream_options: {include_usage: true}}));
  same(chunks.at(-1).choices, [], 'with include_usage: an event of its own');
  ok(chunks.at(-1).usage.completion_tokens > 0, 'which has the usage');
  same(chunks.filter((x) => x.usage).length, 1, 'and it comes once');
  chunks = await collect(c.completions.create({model: 'echo',
    prompt: 'Say it', max_tokens: 16, stream: true}));
  ok(chunks.map((x) => x.choices[0].text).join('').includes('Say it'),
    'completions stream too');
  let cut = false;
  await collect(chat(c, 'echo:chunks=20,cut=3', {stream: true}))
    .catch(() => { cut = true; });
  ok(cut, 'a stream that the provider cuts throws');
}

async function models(c) {
  const ids = (await collect(c.models.list())).map((m) => m.id);
  ok(ids.includes('one') && ids.includes('echo'), 'models are listed by name',
    ids);
  same((await c.models.retrieve('one')).id, 'one',
    'a model is found by its name');
  same((await c.models.retrieve('model:test/one')).id, 'model:test/one',
    'and by its ref, its slash as %2F');
  const few = await collect(client('narrow').models.list());
  same(few.map((m) => m.id), ['one'],
    'a key with a list of models sees these only');
  await refused(() => c.models.retrieve('nothing'), OpenAI.NotFoundError, 404,
    'model_not_found', 1, 'an unknown model is NotFoundError');
}

async function identity() {
  const kind = OpenAI.AuthenticationError;
  const unknown = client('good', {apiKey: 'asg_' + '0'.repeat(64)});
  await refused(() => chat(unknown), kind, 401, 'invalid_api_key', 1,
    'an unknown key is AuthenticationError');
  await refused(() => chat(client('revoked')), kind, 401, 'invalid_api_key',
    1, 'and so is a revoked one');
  await refused(() => chat(client('killed')), OpenAI.PermissionDeniedError,
    403, 'project_killed', 1, 'a killed project is PermissionDeniedError');
  await refused(() => chat(client('narrow'), 'echo'), OpenAI.NotFoundError,
    404, 'model_not_found', 1, "a model outside a key's list is unknown");
}

async function requestsRefused(c) {
  const bad = OpenAI.BadRequestError;
  await refused(() => chat(c, 'nothing'), OpenAI.NotFoundError, 404,
    'model_not_found', 1, 'an unknown model of a call too');
  const e = await refused(() => chat(c, 'one', {surprise: 1}), bad, 400,
    'unknown_field', 1, 'an unknown field is BadRequestError');
  same(e?.param, 'surprise', 'which names the field');
  await refused(() => chat(c, 'one',
    {max_tokens: 5, max_completion_tokens: 5}), bad, 400,
  'conflicting_fields', 1, 'two output limits are BadRequestError');
  await refused(() => chat(c, 'picky'), bad, 400, 'upstream_rejected', 1,
    'what the provider finds invalid is BadRequestError');
}

async function money() {
  const e = await refused(() => chat(client('poor')), OpenAI.RateLimitError,
    429, 'budget_exceeded', 1,
    'an empty budget is RateLimitError, and not tried again');
  if (!e) return;
  same(e.type, 'budget_exceeded', 'its type tells it from a rate limit');
  same(e.headers.get('x-should-retry'), 'false', 'by x-should-retry: false');
  same([e.error.scope, e.error.scope_id, e.error.window],
    ['project', process.env.ASGARD_POOR_PROJECT, 'total'],
    'it says whose budget it was');
  same(e.error.limit_usd, 0, 'and its limit');
}

async function failures(c) {
  const down = OpenAI.InternalServerError;
  const once = client('good', {maxRetries: 0});
  await refused(() => chat(c, 'echo:status=503'), down, 502,
    'upstream_error', 3, "a provider's 503 is InternalServerError, 502");
  await refused(() => chat(c, 'echo:status=500', {stream: true}), down, 502,
    'upstream_error', 3, 'before the first byte of a stream too');
  await refused(() => chat(c, 'locked'), down, 502, 'upstream_error', 1,
    "a provider that refuses our key: 502, not the client's 401");
  await refused(() => chat(c, 'slow'), down, 504, 'upstream_timeout', 1,
    'a provider that does not answer: 504, not tried again');
  const e = await refused(() => chat(once, 'busy'), OpenAI.RateLimitError,
    429, 'upstream_rate_limited', 1,
    "a provider's rate limit is RateLimitError");
  same(e?.headers.get('retry-after'), '7', "with the provider's Retry-After");
}

async function redisAway(c) {
  await refused(() => chat(c), OpenAI.InternalServerError, 503,
    'budget_unavailable', 3,
    "an uncountable call is 503, and tried again by the SDK's rule");
}

async function main() {
  const c = client();
  if (process.argv[2] === 'redis-away') {
    await redisAway(c);
    return;
  }
  await answers(c);
  await streams(c);
  await models(c);
  await identity();
  await requestsRefused(c);
  await money();
  await failures(c);
}

run(main);
