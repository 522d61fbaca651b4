// The words of t/sdk/pairs.json that are of /v1/messages, by the official Node
// SDK of Anthropic.  pairs.cjs says them.
'use strict';
const assert = require('node:assert/strict');
const Anthropic = require('@anthropic-ai/sdk');

const client = new Anthropic({baseURL: process.env.ASGARD_URL,
  apiKey: process.env.ASGARD_GOOD_KEY, maxRetries: 0});
const WEATHER = {name: 'weather', description: 'The weather of a city.',
  input_schema: {type: 'object', properties: {city: {type: 'string'}},
    required: ['city']}};

function user(content) {
  return {role: 'user', content};
}

function ask(model, content = 'Hello', more = {}) {
  return client.messages.create(
    {model, max_tokens: 50, messages: [user(content)], ...more});
}

function inAStream(model, content, more = {}) {
  return client.messages.stream({model, max_tokens: 50,
    messages: [user(content)], ...more}).finalMessage();
}

// What the model called goes back with a result.
async function roundTrip(model, said) {
  assert.equal(said.stop_reason, 'tool_use');
  const [call, ...more] = said.content.filter((b) => b.type === 'tool_use');
  assert.equal(more.length, 0);
  assert.equal(call.name, 'weather');
  assert.deepEqual(call.input, {city: 'Z\u00fcrich "x"\n'});
  const r = await ask(model, '', {tools: [WEATHER], messages: [
    user('weather?'), {role: 'assistant', content: said.content},
    user([{type: 'tool_result', tool_use_id: call.id, content: '18 C'}])]});
  assert.equal(r.content[0].text, 'The tool said: 18 C');
}

const CHECKS = {
  async messages(model) {
    const r = await ask(model);
    assert.match(r.content[0].text, /Hello/);
    assert.deepEqual([r.model, r.stop_reason], [model, 'end_turn']);
    assert.ok(r.usage.input_tokens > 0 && r.usage.output_tokens > 0);
  },

  async 'messages in a stream'(model) {
    const r = await inAStream(model, 'Hello');
    assert.match(r.content[0].text, /Hello/);
    assert.ok(r.usage.output_tokens > 0);
  },

  async 'tools of messages'(model) {
    await roundTrip(model, await ask(model, 'weather?', {tools: [WEATHER]}));
  },

  async 'tools of messages in a stream'(model) {
    await roundTrip(model,
      await inAStream(model, 'weather?', {tools: [WEATHER]}));
  },

  async 'image of messages'(model) {
    const r = await ask(model, [{type: 'text', text: 'What is it?'},
      {type: 'image', source: {type: 'base64', media_type: 'image/png',
        data: 'iVBORw0KGgo='}}]);
    assert.equal(r.content[0].text, 'An image of 8 bytes.');
  },
};

module.exports = {CHECKS, ask};
