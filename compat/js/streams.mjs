// Answers that clients read as they are written, and tools that they force: AWS's SDK, Anthropic's, the AI SDK, LangChain.
import { BedrockRuntimeClient, ConverseStreamCommand, InvokeModelWithResponseStreamCommand } from '@aws-sdk/client-bedrock-runtime';
import { createAmazonBedrock } from '@ai-sdk/amazon-bedrock';
import { AnthropicBedrock } from '@anthropic-ai/bedrock-sdk';
import { ChatBedrockConverse } from '@langchain/aws';
import { generateObject, streamText } from 'ai';
import { z } from 'zod';
import { check, equal, holds } from './check.mjs';
import { anthropic, converse, profile } from './records.mjs';

const runtime = new BedrockRuntimeClient({});
const region = process.env.AWS_REGION;
const baseURL = process.env.AWS_ENDPOINT_URL;
const keys = { accessKeyId: process.env.AWS_ACCESS_KEY_ID, secretAccessKey: process.env.AWS_SECRET_ACCESS_KEY };
const article = 'Summarise.\n\nArticle:\nThe first sentence is about stone. The second sentence is about quarries and how they are worked.';
const shape = z.object({ headline: z.string(), tags: z.array(z.string()).min(1), score: z.number().int().min(1).max(5) });

await check('InvokeModelWithResponseStream gives the events of the Messages API', async () => {
  const { body } = await runtime.send(new InvokeModelWithResponseStreamCommand({ modelId: profile, body: JSON.stringify(anthropic(0)) }));
  let text = '';
  const types = new Set();
  for await (const event of body) {
    const chunk = JSON.parse(Buffer.from(event.chunk.bytes).toString());
    types.add(chunk.type);
    text += chunk.delta?.text ?? '';
  }
  equal(Object.keys(JSON.parse(text)).sort(), ['summary_en', 'summary_ja', 'title_en'], 'the keys');
  equal([...types], ['message_start', 'content_block_start', 'content_block_delta', 'content_block_stop', 'message_delta', 'message_stop'], 'the events');
});

await check('ConverseStream ends with usage', async () => {
  const { stream } = await runtime.send(new ConverseStreamCommand({ modelId: 'us.amazon.nova-lite-v1:0', ...converse(0) }));
  let text = '';
  let usage;
  for await (const event of stream) {
    text += event.contentBlockDelta?.delta.text ?? '';
    usage ??= event.metadata?.usage;
  }
  holds(text && usage.outputTokens > 0, `${text} ${JSON.stringify(usage)}`);
});

const bedrock = createAmazonBedrock({ region, baseURL, ...keys });

await check('AI SDK: streamText', async () => {
  const result = streamText({ model: bedrock(profile), prompt: article });
  let parts = 0;
  let text = '';
  for await (const part of result.textStream) {
    parts += 1;
    text += part;
  }
  holds(parts > 1 && text.includes('stone'), `${parts} parts: ${text}`);
  equal(await result.finishReason, 'stop', 'the reason to stop');
});

await check('AI SDK: generateObject', async () => {
  const { object } = await generateObject({ model: bedrock(profile), schema: shape, prompt: article });
  holds(shape.safeParse(object).success, JSON.stringify(object));
});

const chat = new ChatBedrockConverse({ model: profile, region, credentials: keys });

await check('LangChain: stream', async () => {
  let text = '';
  for await (const chunk of await chat.stream(article)) text += typeof chunk.content === 'string' ? chunk.content : chunk.content.map((c) => c.text ?? '').join('');
  holds(text.includes('stone'), text);
});

await check('LangChain: withStructuredOutput', async () => {
  const object = await chat.withStructuredOutput(shape).invoke(article);
  holds(shape.safeParse(object).success, JSON.stringify(object));
});

const claude = new AnthropicBedrock({ awsRegion: region, baseURL, awsAccessKey: keys.accessKeyId, awsSecretKey: keys.secretAccessKey });

await check('Anthropic SDK: stream', async () => {
  let text = '';
  const stream = claude.messages.stream({ model: profile, max_tokens: 200, messages: [{ role: 'user', content: article }] });
  stream.on('text', (part) => { text += part; });
  const message = await stream.finalMessage();
  equal([message.stop_reason, message.content[0].text], ['end_turn', text], 'the message');
  holds(message.usage.output_tokens > 0 && text.includes('stone'), JSON.stringify(message));
});

await check('Anthropic SDK: a forced tool, streamed', async () => {
  const tools = [{ name: 'record', description: 'Record.', input_schema: { type: 'object', properties: { title: { type: 'string' }, score: { type: 'integer', minimum: 2 } }, required: ['title', 'score'] } }];
  const stream = claude.messages.stream({ model: profile, max_tokens: 200, tools, tool_choice: { type: 'tool', name: 'record' }, messages: [{ role: 'user', content: article }] });
  const message = await stream.finalMessage();
  equal([message.stop_reason, message.content[0].name, message.content[0].input.score], ['tool_use', 'record', 2], 'the call');
});
