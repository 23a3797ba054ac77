// Compiles every module that the library can ask for with Tint, by way of Dawn, and runs the main kernels: a second implementation
// of WGSL, with an analysis of uniformity, beside naga. Usage: node check.mjs FOLDER, where the unit test `modules_are_written`
// has left them. Run by scripts/tint.sh.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { create, globals } from 'webgpu';

const folder = process.argv[2];
const read = (file) => readFileSync(join(folder, file), 'utf8');
const list = (file) => JSON.parse(read(file));

Object.assign(globalThis, globals);
// Dawn crashes once one of these is collected.
globalThis.instances = [];

async function deviceOf(options, what) {
  const instance = create(options);
  instances.push(instance);
  const adapter = await instance.requestAdapter();
  if (!adapter) throw new Error(`Dawn finds no ${what}: is VK_DRIVER_FILES the driver file of SwiftShader?`);
  if (!adapter.features.has('subgroups')) throw new Error(`the ${what} has no subgroups: their modules would go unchecked`);
  const device = await adapter.requestDevice({ requiredFeatures: ['subgroups'] });
  device.lost.then(({ message }) => {
    console.error(`FAILED the ${what} is lost: ${message}`);
    process.exit(1);
  });
  return device;
}

let failures = 0;

// Counts what goes wrong with one thing, and goes on.
async function attempt(name, run) {
  try {
    return await run();
  } catch (error) {
    failures += 1;
    console.error(`FAILED ${name}\n${error.message}`);
    return undefined;
  }
}

// Errors are told by scopes, not by events.
async function scoped(device, run) {
  device.pushErrorScope('validation');
  const value = await run();
  const error = await device.popErrorScope();
  if (error) throw new Error(error.message);
  return value;
}

async function compile(device, { text, subgroups }) {
  // WebGPU asks for this, and naga does not know it. In the same line, so that lines are those of the text.
  const code = (subgroups ? 'enable subgroups; ' : '') + read(text);
  device.pushErrorScope('validation');
  const module = device.createShaderModule({ code });
  const { messages } = await module.getCompilationInfo();
  const error = await device.popErrorScope();
  // Warnings too: uniformity that Tint cannot prove may be one.
  const told = messages.map((m) => `${text}:${m.lineNum}:${m.linePos} ${m.type}: ${m.message}`);
  if (error && told.length === 0) told.push(error.message);
  if (told.length > 0) throw new Error(told.join('\n'));
  return module;
}

const types = { Uniform: 'uniform', Read: 'read-only-storage', Write: 'storage' };

// The layout that the library makes: see layout_entry() of src/pipeline.rs.
function layoutOf(device, bindings) {
  const entries = bindings.map(([binding, access]) => ({
    binding,
    visibility: GPUShaderStage.COMPUTE,
    ...(access === 'Texture' ? { texture: { sampleType: 'uint' } } : { buffer: { type: types[access] } }),
  }));
  return device.createBindGroupLayout({ entries });
}

async function pipelineOf(device, described, module) {
  const group = layoutOf(device, described.bindings);
  const layout = device.createPipelineLayout({ bindGroupLayouts: [group] });
  const compute = { module, entryPoint: 'main', constants: described.constants };
  return { group, pipeline: await scoped(device, () => device.createComputePipelineAsync({ layout, compute })) };
}

function bufferOf(device, words, usage) {
  const buffer = device.createBuffer({ size: words.length * 4, usage, mappedAtCreation: true });
  new Uint32Array(buffer.getMappedRange()).set(words);
  buffer.unmap();
  return buffer;
}

async function record(device, encoder, { module, params, groups }, held) {
  const { group: layout, pipeline } = await pipelineOf(device, module, await compile(device, module));
  const uniform = bufferOf(device, params, GPUBufferUsage.UNIFORM);
  const resource = ([binding, access]) => ({ buffer: access === 'Uniform' ? uniform : held.get(binding) });
  const entries = module.bindings.map((slot) => ({ binding: slot[0], resource: resource(slot) }));
  const pass = encoder.beginComputePass();
  pass.setPipeline(pipeline);
  pass.setBindGroup(0, device.createBindGroup({ layout, entries }));
  pass.dispatchWorkgroups(groups);
  pass.end();
}

// Runs the dispatches of a case and returns what its buffers hold then, by binding.
async function execute(device, { buffers, dispatches }) {
  const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC;
  const held = new Map(Object.entries(buffers).map(([slot, words]) => [Number(slot), bufferOf(device, words, usage)]));
  const encoder = device.createCommandEncoder();
  for (const dispatch of dispatches) await record(device, encoder, dispatch, held);
  const staged = new Map();
  for (const [slot, buffer] of held) {
    const staging = device.createBuffer({ size: buffer.size, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST });
    encoder.copyBufferToBuffer(buffer, 0, staging, 0, buffer.size);
    staged.set(slot, staging);
  }
  device.queue.submit([encoder.finish()]);
  const results = new Map();
  for (const [slot, staging] of staged) {
    await staging.mapAsync(GPUMapMode.READ);
    results.set(slot, new Float32Array(staging.getMappedRange().slice(0)));
  }
  return results;
}

// Fails at the first value that is out of its bound. Special values come as text.
function compare(results, { slot, start, values, relative, absolute }) {
  for (const [i, told] of values.entries()) {
    const wanted = told === 'inf' ? Infinity : told === '-inf' ? -Infinity : Number(told);
    const got = results.get(slot)[start + i];
    if (Object.is(got, wanted) || (Number.isNaN(got) && Number.isNaN(wanted))) continue;
    if (!(Math.abs(got - wanted) <= relative * Math.abs(wanted) + absolute)) {
      throw new Error(`word ${start + i} of binding ${slot}: got ${got}, expected ${told}`);
    }
  }
  return values.length;
}

let since = Date.now();
function tell(count, what) {
  console.log(`tint: ${count} ${what}, ${((Date.now() - since) / 1000).toFixed(1)} s`);
  since = Date.now();
  if (count === 0) failures += 1;
}

// Without a driver: what Tint accepts, and whether widths, overrides and bindings fit.
const checker = await deviceOf(['backend=null'], 'null adapter');
const modules = new Map();
for (const described of list('modules.json')) {
  modules.set(described.text, await attempt(described.name, () => compile(checker, described)));
}
tell([...modules.values()].filter(Boolean).length, 'modules accepted');

let made = 0;
for (const described of list('pipelines.json')) {
  const module = modules.get(described.text);
  if (module && (await attempt(described.name, () => pipelineOf(checker, described, module)))) made += 1;
}
tell(made, 'pipelines made');

const runner = await deviceOf([], 'Vulkan adapter');
let compared = 0;
for (const one of list('cases.json')) {
  await attempt(`executed: ${one.name}`, async () => {
    const results = await scoped(runner, () => execute(runner, one));
    for (const expected of one.expected) compared += compare(results, expected);
  });
}
tell(compared, 'values of executed kernels compared');

if (failures > 0) console.error(`tint: ${failures} failed`);
process.exit(failures > 0 ? 1 : 0);
