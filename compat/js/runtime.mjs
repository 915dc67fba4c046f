// On-demand calls, models, profiles and quotas.
import {
  BedrockClient, GetFoundationModelAvailabilityCommand, GetFoundationModelCommand, GetInferenceProfileCommand,
  ListFoundationModelsCommand, paginateListInferenceProfiles,
} from '@aws-sdk/client-bedrock';
import { BedrockRuntimeClient, ConverseCommand, CountTokensCommand, InvokeModelCommand } from '@aws-sdk/client-bedrock-runtime';
import {
  GetAWSDefaultServiceQuotaCommand, GetServiceQuotaCommand, ServiceQuotasClient, paginateListAWSDefaultServiceQuotas, paginateListServiceQuotas,
} from '@aws-sdk/client-service-quotas';
import { all, check, equal, holds, refused } from './check.mjs';
import { anthropic, converse, model, profile } from './records.mjs';

const bedrock = new BedrockClient({});
const runtime = new BedrockRuntimeClient({});
const quotas = new ServiceQuotasClient({});
const invoke = async (modelId, body) => JSON.parse(Buffer.from((await runtime.send(new InvokeModelCommand({ modelId, body: JSON.stringify(body) }))).body).toString());

await check('InvokeModel answers in the form of Anthropic', async () => {
  const out = await invoke(profile, anthropic(0));
  equal([out.type, out.role, out.model, out.stop_reason], ['message', 'assistant', 'quarry.extractive-v1', 'end_turn'], 'the answer');
  equal(Object.keys(JSON.parse(out.content[0].text)).sort(), ['summary_en', 'summary_ja', 'title_en'], 'its keys');
  holds(out.usage.input_tokens > 0 && out.usage.output_tokens > 0, JSON.stringify(out.usage));
});

await check('InvokeModel answers in the form of each family', async () => {
  const ask = 'Summarise.\n\nArticle:\nThe first sentence is about stone. The second sentence is about quarries and how they are worked.';
  const nova = await invoke('us.amazon.nova-lite-v1:0', { messages: [{ role: 'user', content: [{ text: ask }] }], inferenceConfig: { maxTokens: 200 } });
  holds(nova.output.message.content[0].text && nova.usage.outputTokens > 0, `Nova: ${JSON.stringify(nova)}`);
  const llama = await invoke('us.meta.llama3-3-70b-instruct-v1:0', { prompt: ask, max_gen_len: 200 });
  holds(llama.generation && llama.generation_token_count > 0, `Llama: ${JSON.stringify(llama)}`);
  const open = await invoke('openai.gpt-oss-120b-1:0', { messages: [{ role: 'user', content: ask }], max_tokens: 200 });
  holds(open.choices[0].message.content && open.usage.completion_tokens > 0, `open weights: ${JSON.stringify(open)}`);
});

await check('Converse answers, and max_tokens cuts', async () => {
  const out = await runtime.send(new ConverseCommand({ modelId: profile, ...converse(1) }));
  equal([out.output.message.role, out.stopReason], ['assistant', 'end_turn'], 'the answer');
  equal(out.usage.totalTokens, out.usage.inputTokens + out.usage.outputTokens, 'totalTokens');
  const cut = await runtime.send(new ConverseCommand({ modelId: profile, ...converse(1), inferenceConfig: { maxTokens: 5 } }));
  equal([cut.stopReason, cut.usage.outputTokens], ['max_tokens', 5], 'the cut answer');
});

await check('CountTokens counts as the answer does', async () => {
  const body = anthropic(2);
  const counted = await runtime.send(new CountTokensCommand({ modelId: model, input: { invokeModel: { body: Buffer.from(JSON.stringify(body)) } } }));
  equal(counted.inputTokens, (await invoke(profile, body)).usage.input_tokens, 'inputTokens');
  const conversed = await runtime.send(new CountTokensCommand({ modelId: model, input: { converse: { messages: converse(2).messages } } }));
  holds(conversed.inputTokens > 0, `Converse counts ${conversed.inputTokens}`);
});

await check('a model that is not there, a body that is not right and a model without its profile are refused', async () => {
  await refused(() => invoke('anthropic.no-such-model-v1:0', anthropic(0)), 'ValidationException', 400);
  await refused(() => invoke(profile, { messages: [] }), 'ValidationException', 400);
  const error = await refused(() => invoke(model, anthropic(0)), 'ValidationException', 400);
  holds(error.message.includes('inference profile'), error.message);
});

await check('foundation models are listed, filtered and found', async () => {
  const { modelSummaries } = await bedrock.send(new ListFoundationModelsCommand({}));
  holds(modelSummaries.some((m) => m.modelId === model), `${modelSummaries.length} models, not ours`);
  const amazon = (await bedrock.send(new ListFoundationModelsCommand({ byProvider: 'Amazon' }))).modelSummaries;
  equal(new Set(amazon.map((m) => m.providerName)), new Set(['Amazon']), 'the providers');
  const { modelDetails } = await bedrock.send(new GetFoundationModelCommand({ modelIdentifier: model }));
  equal([modelDetails.modelId, modelDetails.inferenceTypesSupported], [model, ['INFERENCE_PROFILE']], 'the model');
  const available = await bedrock.send(new GetFoundationModelAvailabilityCommand({ modelId: model }));
  equal([available.authorizationStatus, available.entitlementAvailability, available.regionAvailability], ['AUTHORIZED', 'AVAILABLE', 'AVAILABLE'], 'the availability');
  await refused(() => bedrock.send(new GetFoundationModelCommand({ modelIdentifier: 'anthropic.no-such-model-v1:0' })), 'ResourceNotFoundException', 404);
});

await check('inference profiles are listed in pages and found by id and ARN', async () => {
  const list = await all(paginateListInferenceProfiles({ client: bedrock, pageSize: 3 }, {}), 'inferenceProfileSummaries');
  const ours = list.find((p) => p.inferenceProfileId === profile);
  holds(ours && ours.models.length > 1, `${list.length} profiles, not ours`);
  equal(new Set(list.map((p) => p.inferenceProfileId)).size, list.length, 'the different ids');
  for (const id of [profile, ours.inferenceProfileArn]) {
    equal((await bedrock.send(new GetInferenceProfileCommand({ inferenceProfileIdentifier: id }))).inferenceProfileArn, ours.inferenceProfileArn, `the profile ${id}`);
  }
});

await check('Service Quotas lists in pages and gets', async () => {
  const list = await all(paginateListServiceQuotas({ client: quotas, pageSize: 50 }, { ServiceCode: 'bedrock' }), 'Quotas');
  const minimum = list.find((q) => q.QuotaName === 'Minimum number of records per batch inference job for Claude Haiku 4.5');
  equal([minimum?.Value, minimum?.Adjustable], [100, false], 'the minimum');
  const one = { ServiceCode: 'bedrock', QuotaCode: minimum.QuotaCode };
  equal((await quotas.send(new GetServiceQuotaCommand(one))).Quota.QuotaName, minimum.QuotaName, 'GetServiceQuota');
  equal((await quotas.send(new GetAWSDefaultServiceQuotaCommand(one))).Quota.Value, 100, 'GetAWSDefaultServiceQuota');
  const defaults = await all(paginateListAWSDefaultServiceQuotas({ client: quotas }, { ServiceCode: 'bedrock' }), 'Quotas');
  equal(defaults.length, list.length, 'the number of defaults');
  await refused(() => quotas.send(new GetServiceQuotaCommand({ ServiceCode: 'bedrock', QuotaCode: 'L-00000000' })), 'NoSuchResourceException');
});
