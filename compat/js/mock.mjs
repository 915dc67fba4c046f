// A back end with the wires that vLLM, llama.cpp and Ollama have: one model, which counts letters. It prints its address.
import { createServer } from 'node:http';

const model = 'mock-7b';
const tokens = (text) => Math.ceil(text.length / 3) + 10;
const text = (content) => (typeof content === 'string' ? content : content.map((part) => part.text).join('\n'));

const routes = {
  'GET /v1/models': () => ({ object: 'list', data: [{ id: model, object: 'model' }] }),
  'POST /v1/chat/completions': (body) => {
    const prompt = body.messages.map((m) => text(m.content)).join('\n');
    return {
      id: 'chatcmpl-1', object: 'chat.completion', created: 1, model: body.model,
      choices: [{ index: 0, message: { role: 'assistant', content: `chat of ${prompt.length}` }, finish_reason: 'stop' }],
      usage: { prompt_tokens: tokens(prompt), completion_tokens: 3, total_tokens: tokens(prompt) + 3 },
    };
  },
  'POST /v1/messages': (body) => {
    if ('anthropic_version' in body) return undefined;
    const prompt = [text(body.system ?? ''), ...body.messages.map((m) => text(m.content))].join('\n');
    return {
      id: 'msg_1', type: 'message', role: 'assistant', model: body.model, content: [{ type: 'text', text: `messages of ${prompt.length}` }],
      stop_reason: 'end_turn', stop_sequence: null, usage: { input_tokens: tokens(prompt), output_tokens: 3 },
    };
  },
};

const server = createServer(async (request, response) => {
  let body = '';
  for await (const part of request) body += part;
  const answer = routes[`${request.method} ${request.url}`]?.(body && JSON.parse(body));
  response.writeHead(answer ? 200 : 404, { 'Content-Type': 'application/json' });
  response.end(JSON.stringify(answer ?? { error: { message: 'no such route' } }));
});
server.listen(0, '127.0.0.1', () => console.log(`http://127.0.0.1:${server.address().port}`));
