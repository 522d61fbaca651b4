// Each API of each kind of backend, by the official Node SDK of OpenAI.
//
// Prints TAP: a line for each word of the table t/sdk/pairs.json, as pairs.py.
'use strict';
const assert = require('node:assert/strict');
const {readFileSync} = require('node:fs');
const OpenAI = require('openai');

const client = new OpenAI({baseURL: process.env.ASGARD_URL + '/v1',
  apiKey: process.env.ASGARD_GOOD_KEY, maxRetries: 0});
const PIXEL = 'data:image/png;base64,iVBORw0KGgo=';
const TOOLS = [{type: 'function', function: {
  name: 'weather', description: 'The weather of a city.',
  parameters: {type: 'object', properties: {city: {type: 'string'}},
    required: ['city']}}}];
let made = 0;

function user(content) {
  return [{role: 'user', content}];
}

function ask(model, content = 'Hello', more = {}) {
  return client.chat.completions.create(
    {model, messages: user(content), ...more});
}

async function collect(stream) {
  const all = [];
  for await (const chunk of await stream) all.push(chunk);
  return all;
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
    {city: 'Z\u00fcrich'});
  const r = await ask(model, '', {tools: TOOLS, messages: [
    ...user('weather?'), {role, content, tool_calls},
    {role: 'tool', tool_call_id: tool_calls[0].id, content: '18 C'}]});
  assert.equal(r.choices[0].message.content, 'The tool said: 18 C');
}

const CHECKS = {
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
    await raises(OpenAI.RateLimitError, 429, 'upstream_rate_limited',
      () => ask(model, 'status=429'));
    await raises(OpenAI.InternalServerError, 502, 'upstream_error',
      () => ask(model, 'status=503'));
    await raises(OpenAI.InternalServerError, 502, 'upstream_error',
      () => ask(model, 'status=503', {stream: true}));
    await raises(OpenAI.BadRequestError, 400, 'upstream_rejected',
      () => ask(model, 'status=400'));
  },
};

async function raises(kind, status, code, call) {
  await assert.rejects(call, (e) => {
    assert.deepEqual([e.constructor, e.status, e.code], [kind, status, code]);
    return true;
  });
}

async function line(sentence, call) {
  made++;
  try {
    await call();
    console.log(`ok ${made} - ${sentence}`);
  } catch (e) {
    console.log(`not ok ${made} - ${sentence}`);
    console.log('# ' + String(e.message).split('\n').join(' ').slice(0, 400));
  }
}

async function main() {
  const table = JSON.parse(readFileSync(process.env.ASGARD_PAIRS, 'utf8'));
  const refusals = {
    lacks: [OpenAI.NotFoundError, 404, 'api_not_supported'],
    unbound: [OpenAI.BadRequestError, 400, 'unbound_content'],
    unserved: [OpenAI.NotFoundError, 404, 'not_found'],
  };
  for (const row of table) {
    const name = `${row.kind}: ${row.model}: `;
    for (const word of row.can ?? []) {
      await line(name + word, () => CHECKS[word](row.model));
    }
    for (const [how, wanted] of Object.entries(refusals)) {
      for (const word of row[how] ?? []) {
        await line(`${name}${word} ${wanted[2]}`,
          () => raises(...wanted, () => CHECKS[word](row.model)));
      }
    }
  }
  console.log(`1..${made}`);
}

main().catch((e) => { console.error(e); process.exit(1); });
