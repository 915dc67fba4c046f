// What tests do to the server.
async function post(path, body = {}) {
  const url = `${process.env.AWS_ENDPOINT_URL}/_quarry/${path}`;
  const reply = await fetch(url, { method: 'POST', body: JSON.stringify(body) });
  if (!reply.ok) throw new Error(`${path}: ${await reply.text()}`);
  return reply.json();
}

export const reset = () => post('reset');
export const faults = (text) => post('faults', { faults: text });

// advance moves the clock of the jobs. It takes the place of a timer.
export async function advance(seconds) {
  await post('clock', { advance: `${seconds}s` });
  await new Promise((resolve) => setTimeout(resolve, 10)); // the server does the work of the states in real time
}
