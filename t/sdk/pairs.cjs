// Each API of each kind of backend, by the official Node SDKs of OpenAI and
// (pairs_messages.cjs) of Anthropic.
//
// Prints TAP: a line for each word of the table t/sdk/pairs.json, as pairs.py.
'use strict';
const assert = require('node:assert/strict');
const {readFileSync} = require('node:fs');
const OpenAI = require('openai');
const messages = require('./pairs_messages.cjs');
const {collect, passes, run} = require('./tap.cjs');

const client = new OpenAI({baseURL: process.env.ASGARD_URL + '/v1',
  apiKey: process.env.ASGARD_GOOD_KEY, maxRetries: 0});
const PIXEL = 'data:image/png;base64,iVBORw0KGgo=';
const TOOLS = [{type: 'function', function: {
  name: 'weather', description: 'The weather of a city.',
  parameters: {type: 'object', properties: {city: {type: 'string'}},
    required: ['city']}}}];
const FAILURES = [
  [429, 'RateLimitError', 429, 'upstream_rate_limited'],
  [503, 'InternalServerError', 502, 'upstream_error'],
  [400, 'BadRequestError', 400, 'upstream_rejected']];
const REFUSALS = {
  lacks: ['NotFoundError', 404, 'api_not_supported'],
  unsupported: ['BadRequestError', 400, 'unsupported_field'],
  unbound: ['BadRequestError', 400, 'unbound_content'],
  unserved: ['NotFoundError', 404, 'not_found']};

function user(content) {
  return [{role: 'user', content}];
}

function ask(model, content = 'Hello', more = {}) {
  return client.chat.completions.create(
    {model, messages: user(content), ...more});
}

// Exactly one event has it.
function usageOf(chunks) {
  const all = chunks.filter((c) => c.usage);
  assert.equal(all.length, 1);
  return all[0].usage;
}

// What the model called goes back with a result.
async function roundTrip(model, choice) {
  assert.equal(choice.finish_reason, 'tool_calls');
  const {role, content, tool_calls} = choice.message;
  assert.equal(tool_calls.length, 1);
  assert.equal(tool_calls[0].function.name, 'weather');
  assert.deepEqual(JSON.parse(tool_calls[0].function.arguments),
    {city: 'Z\u00fcrich "x"\n'});
  const r = await ask(model, '', {tools: TOOLS, messages: [
    ...user('weather?'), {role, content, tool_calls},
    {role: 'tool', tool_call_id: tool_calls[0].id, content: '18 C'}]});
  assert.equal(r.choices[0].message.content, 'The tool said: 18 C');
}

const CHECKS = {
  ...messages.CHECKS,

  async chat(model) {
    const r = await ask(model);
    assert.match(r.choices[0].message.content, /Hello/);
    assert.equal(r.choices[0].finish_reason, 'stop');
    assert.equal(r.model, model);
    assert.ok(r.usage.total_tokens > 0);
  },

  async stream(model) {
    const chunks = await collect(ask(model, 'Hello',
      {stream: true, stream_options: {include_usage: true}}));
    const text = chunks.map((c) => c.choices[0]?.delta.content ?? '').join('');
    assert.match(text, /Hello/);
    assert.ok(usageOf(chunks).completion_tokens > 0);
    const plain = await collect(ask(model, 'Hello', {stream: true}));
    assert.equal(plain.filter((c) => c.usage).length, 0);
  },

  async tools(model) {
    const r = await ask(model, 'weather?', {tools: TOOLS});
    await roundTrip(model, r.choices[0]);
  },

  async 'tools in a stream'(model) {
    const stream = client.chat.completions.stream(
      {model, tools: TOOLS, messages: user('weather?')});
    await roundTrip(model, (await stream.finalChatCompletion()).choices[0]);
  },

  async image(model) {
    const r = await ask(model, [{type: 'text', text: 'What is it?'},
      {type: 'image_url', image_url: {url: PIXEL}}]);
    assert.equal(r.choices[0].message.content, 'An image of 8 bytes.');
  },

  async completions(model) {
    const r = await client.completions.create(
      {model, prompt: 'Hello', max_tokens: 50});
    assert.match(r.choices[0].text, /Hello/);
    assert.ok(r.usage.total_tokens > 0);
  },

  async 'completions in a stream'(model) {
    const chunks = await collect(client.completions.create({model,
      prompt: 'Hello', max_tokens: 50, stream: true,
      stream_options: {include_usage: true}}));
    const text = chunks.map((c) => c.choices[0]?.text ?? '').join('');
    assert.match(text, /Hello/);
    assert.ok(usageOf(chunks).completion_tokens > 0);
  },

  async embeddings(model) {
    const r = await client.embeddings.create({model, input: ['Hello', 'you']});
    assert.deepEqual(r.data.map((d) => d.index), [0, 1]);
    assert.ok(r.data.every((d) => d.embedding.length > 0 &&
      Array.from(d.embedding).every((x) => typeof x === 'number')));
    assert.ok(r.usage.prompt_tokens > 0);
  },

  async responses(model) {
    await client.responses.create({model, input: 'Hello'});
  },

  async errors(model) {
    await fails(model, ask);
    await fails(model, (...a) => ask(...a, {stream: true}));
  },

  async 'errors of completions'(model) {
    const call = (name, prompt, more = {}) => client.completions.create(
      {model: name, prompt, max_tokens: 50, ...more});
    await fails(model, call);
    await fails(model, (...a) => call(...a, {stream: true}));
  },

  async 'errors of embeddings'(model) {
    await fails(model, (name, text) => client.embeddings.create(
      {model: name, input: [text, 'Hello']}));
  },

  async 'errors of messages'(model) {
    await fails(model, messages.ask);
    await fails(model, (...a) => messages.ask(...a, {stream: true}));
  },

  async overload(model) {
    await raises('InternalServerError', 503, 'upstream_overloaded',
      () => ask(model, 'status=529'));
  },

  async 'overload of messages'(model) {
    await raises('OverloadedError', 529, 'upstream_overloaded',
      () => messages.ask(model, 'status=529'));
  },

  async 'two answers'(model) {
    await ask(model, 'Hello', {n: 2});
  },
};

// Of either SDK, which have the same names for them.
async function raises(kind, status, code, call) {
  await assert.rejects(call, (e) => {
    assert.deepEqual([e.constructor.name, e.status,
      e.code ?? e.error?.error?.code], [kind, status, code]);
    return true;
  });
}

// An echo is told how to fail by its name, a fake by what it is asked.
async function fails(model, call) {
  for (const [status, ...wanted] of FAILURES) {
    const how = `status=${status}`;
    await raises(...wanted, () => (model === 'echo' ?
      call(`echo:${how}`, 'Hello') : call(model, how)));
  }
}

async function main() {
  const table = JSON.parse(readFileSync(process.env.ASGARD_PAIRS, 'utf8'));
  for (const row of table) {
    const name = `${row.kind}: ${row.model}: `;
    for (const word of row.can ?? []) {
      await passes(name + word, () => CHECKS[word](row.model));
    }
    for (const [how, wanted] of Object.entries(REFUSALS)) {
      for (const word of row[how] ?? []) {
        await passes(`${name}${word} ${wanted[2]}`,
          () => raises(...wanted, () => CHECKS[word](row.model)));
      }
    }
  }
}

run(main);
