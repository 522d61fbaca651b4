// What the official Node SDK of Anthropic sees behind Asgard.
//
// Prints TAP; t/sdk/sdk_messages.t starts it, reads it, and answers its calls
// in this order.
'use strict';
const Anthropic = require('@anthropic-ai/sdk');
const {run, same} = require('./tap.cjs');

const HELLO = [{role: 'user', content: 'Hello'}];
const WEATHER = {name: 'weather', description: 'tells it', input_schema: {
  type: 'object', properties: {city: {type: 'string'}}}};

function clientOf(name, more = {}) {
  return new Anthropic({
    baseURL: process.env.ASGARD_URL,
    apiKey: process.env[`ASGARD_${name.toUpperCase()}_KEY`],
    maxRetries: 0,
    ...more,
  });
}

const client = clientOf('good');

function ask(more = {}, who = client) {
  return who.messages.create(
    {model: 'claude', max_tokens: 50, messages: HELLO, ...more});
}

async function fails(kind, status, code, sentence, call) {
  try {
    await call();
  } catch (e) {
    same([e.constructor.name, e.status, e.error.error.code,
      e.requestID === e.error.request_id],
    [kind.name, status, code, true], sentence);
    return;
  }
  same('an answer', kind.name, sentence);
}

async function main() {
  let answer = await ask({system: 'Be brief.', metadata: {user_id: 'mallory'}});
  same(answer.content[0].text, 'Bonjour.', 'a call is answered');
  same([answer.model, answer.stop_reason, answer.usage.input_tokens,
    answer.usage.output_tokens], ['claude', 'end_turn', 10, 20],
  'with its model, its end and its usage');
  same(Boolean(answer._request_id), true, 'and a request id');

  const bearer = clientOf('good',
    {apiKey: null, authToken: process.env.ASGARD_GOOD_KEY});
  same((await ask({}, bearer)).content[0].text, 'Bonjour.',
    'the key may be a bearer');

  let stream = client.messages.stream(
    {model: 'claude', max_tokens: 50, messages: HELLO});
  let text = '';
  stream.on('text', (part) => { text += part; });
  let final = await stream.finalMessage();
  same(text, 'Let me look.', 'a stream has its text');
  same([final.usage.input_tokens, final.usage.output_tokens], [10, 20],
    'and its usage');

  stream = client.messages.stream({model: 'claude', max_tokens: 50,
    tools: [WEATHER], messages: [{role: 'user', content: 'weather?'}]});
  final = await stream.finalMessage();
  const call = final.content.at(-1);
  same([final.stop_reason, call.name, call.input],
    ['tool_use', 'weather', {city: 'Z\u00fcrich "x"\n'}],
    'the SDK puts a streamed call of a tool together');
  answer = await ask({tools: [WEATHER], messages: [
    {role: 'user', content: 'weather?'},
    {role: 'assistant', content: final.content},
    {role: 'user', content: [{type: 'tool_result', tool_use_id: call.id,
      content: '18 C'}]}]});
  same(answer.content[0].text, 'Sunny.', 'and its result goes back');

  answer = await ask({messages: [{role: 'user', content: [
    {type: 'text', text: 'what is it?'},
    {type: 'image', source: {type: 'base64', media_type: 'image/png',
      data: 'iVBORw0KGgo='}}]}]});
  same(answer.content[0].text, 'A dot.', 'an image is looked at');

  same((await client.messages.countTokens(
    {model: 'claude', messages: HELLO})).input_tokens, 14,
  'tokens are counted');
  answer = await client.beta.messages.create({model: 'claude', max_tokens: 50,
    betas: ['first-beta', 'none-such'], messages: HELLO});
  same(answer.content[0].text, 'Bonjour.', 'the SDK\'s beta names work');

  try {
    await client.messages.stream(
      {model: 'claude', max_tokens: 50, messages: HELLO}).finalMessage();
    same('an answer', 'an error', 'an error inside a stream is one');
  } catch (e) {
    same(e.error.error.code, 'upstream_error',
      'an error inside a stream is one');
  }

  await fails(Anthropic.OverloadedError, 529, 'upstream_overloaded',
    'an overloaded provider', () => ask());
  await fails(Anthropic.RateLimitError, 429, 'upstream_rate_limited',
    'a provider that limits its rate', () => ask());
  await fails(Anthropic.BadRequestError, 400, 'upstream_rejected',
    'a request that the provider refuses', () => ask());
  await fails(Anthropic.InternalServerError, 502, 'upstream_error',
    'a provider that fails', () => ask());
  answer = await ask({}, clientOf('good', {maxRetries: 2}));
  same(answer.content[0].text, 'Bonjour.',
    'what may pass is tried again by the SDK');

  await fails(Anthropic.AuthenticationError, 401, 'invalid_api_key',
    'a revoked key', () => ask({}, clientOf('revoked', {maxRetries: 2})));
  await fails(Anthropic.PermissionDeniedError, 403, 'project_killed',
    'a killed project', () => ask({}, clientOf('killed')));
  await fails(Anthropic.RateLimitError, 429, 'budget_exceeded',
    'no budget', () => ask({}, clientOf('poor', {maxRetries: 2})));
  await fails(Anthropic.NotFoundError, 404, 'model_not_found',
    'no such model', () => ask({model: 'none-such'}));
  await fails(Anthropic.NotFoundError, 404, 'api_not_supported',
    'a model of another API', () => ask({model: 'gpt'}));
  await fails(Anthropic.BadRequestError, 400, 'unknown_field',
    'a field that is not allowed', () => ask({api_base: 'http://evil.test'}));
}

run(main);
