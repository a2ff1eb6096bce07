// @polkadot/api, unmodified, finds here what it finds at a node.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { u8aToHex } from '@polkadot/util';
import { UNIT, accounts, collect, connect, eventNames, post, submit } from './chain.mjs';

let api, alice, bob, charlie;

before(async () => {
  api = await connect();
  ({ alice, bob, charlie } = await accounts());
});
after(() => api?.disconnect());

const newBlock = () => api._rpcCore.provider.send('dev_newBlock', []);
const free = async (at, who) => (await at.query.system.account(who.address)).data.free.toBigInt();

test('it connects and reads who is there', () => {
  assert.equal(api.runtimeChain.toString(), 'DecentralML Development');
  assert.deepEqual(api.registry.chainTokens, ['DML']);
  assert.deepEqual(api.registry.chainDecimals, [12]);
  assert.ok(api.tx.decentralML.createTask);
});

test('a transfer is ready, in a block, final; the money moved', async () => {
  await submit(api, api.tx.system.remark('0x00'), alice); // the API's first one is slow
  const had = await free(api, bob);
  const result = await submit(api, api.tx.balances.transferKeepAlive(bob.address, 3n * UNIT), alice);
  assert.deepEqual(result.statuses, ['Ready', 'InBlock', 'Finalized']);
  assert.ok(eventNames(result).includes('balances.Transfer'));
  assert.equal(await free(api, bob), had + 3n * UNIT);
});

test('historic blocks answer through api.at', async () => {
  const old = await api.rpc.chain.getBlockHash();
  const had = await free(api, bob);
  const result = await submit(api, api.tx.balances.transferKeepAlive(bob.address, UNIT), alice);
  assert.equal(await free(await api.at(old), bob), had);
  const then = await api.at(result.blockHash);
  assert.equal(await free(then, bob), had + UNIT);
  const events = await then.query.system.events();
  assert.ok(events.some(({ event }) => event.method === 'Transfer'));
});

test('a failed call carries the name of its error', async () => {
  await assert.rejects(submit(api, api.tx.decentralML.acceptTask(10n ** 9n), bob), {
    message: 'decentralML.UnknownTask',
  });
});

test('a task is created, accepted, delivered and paid', async () => {
  const cid = 'bafybeigdyrzt5sfp7udm7hu76uh7y26nf3efuylqabf3oclgtqy55fbzdi';
  const now = (await api.rpc.chain.getHeader()).number.toNumber();
  const reward = 5n * UNIT;
  const terms = {
    kind: 'Contribution',
    title: 'From JavaScript',
    bundle: cid,
    model: cid,
    reward,
    slots: 1,
    rounds: 1,
    policy: 'AutoAccept',
    schedule: { acceptBefore: now + 100, roundTime: 50, validateTime: 50, disputeTime: 50 },
    stake: UNIT,
    arbiter: null,
    sealingKey: null,
  };
  const created = await submit(api, api.tx.decentralML.createTask(terms), alice);
  const { event } = created.events.find(({ event }) => event.method === 'TaskCreated');
  const task = event.data.task;
  const had = await free(api, charlie);

  await submit(api, api.tx.decentralML.acceptTask(task), charlie);
  const sent = await submit(api, api.tx.decentralML.sendTaskResult(task, 1, cid), charlie);

  assert.ok(eventNames(sent).includes('decentralML.TaskResultAccepted'));
  const stored = (await api.query.decentralML.tasks(task)).unwrap();
  assert.equal(stored.status.toString(), 'Completed');
  const reputation = await api.query.decentralML.reputations(charlie.address);
  assert.ok((reputation.unwrapOr?.(reputation) ?? reputation).earned.toBigInt() >= reward);
  assert.ok((await free(api, charlie)) > had + 4n * UNIT);
});

test('heads and finalised heads are told one by one', async () => {
  for (const subscribe of [api.rpc.chain.subscribeNewHeads, api.rpc.chain.subscribeFinalizedHeads]) {
    const seen = await collect(subscribe, 3, async () => {
      await newBlock();
      await newBlock();
    });
    const numbers = seen.map((header) => header.number.toNumber());
    assert.deepEqual(numbers, [numbers[0], numbers[0] + 1, numbers[0] + 2]);
  }
});

test('a storage subscription tells now and every change', async () => {
  const seen = await collect(
    (callback) => api.query.system.account(bob.address, callback),
    2,
    () => submit(api, api.tx.balances.transferKeepAlive(bob.address, UNIT), alice),
  );
  assert.equal(seen[1].data.free.toBigInt() - seen[0].data.free.toBigInt(), UNIT);
});

test('events are subscribed to as storage', async () => {
  const seen = await collect(
    (callback) => api.query.system.events(callback),
    2,
    () => submit(api, api.tx.system.remarkWithEvent('0x1234'), alice),
  );
  assert.ok(seen[1].some(({ event }) => event.method === 'Remarked'));
});

test('several accounts are subscribed to at once', async () => {
  const addresses = [alice.address, bob.address];
  const seen = await collect(
    (callback) => api.query.system.account.multi(addresses, callback),
    2,
    () => submit(api, api.tx.balances.transferKeepAlive(bob.address, UNIT), alice),
  );
  assert.equal(seen[1][1].data.free.toBigInt() - seen[0][1].data.free.toBigInt(), UNIT);
});

test('state_queryStorageAt gives the values of one block', async () => {
  const key = api.query.system.account.key(bob.address);
  const old = await api.rpc.chain.getBlockHash();
  const [before] = await api.rpc.state.queryStorageAt([key], old);
  await submit(api, api.tx.balances.transferKeepAlive(bob.address, UNIT), alice);
  const [again] = await api.rpc.state.queryStorageAt([key], old);
  const [now] = await api.rpc.state.queryStorageAt([key]);
  assert.equal(u8aToHex(again.toU8a?.() ?? again), u8aToHex(before.toU8a?.() ?? before));
  assert.notEqual(u8aToHex(now.toU8a?.() ?? now), u8aToHex(before.toU8a?.() ?? before));
});

test('fees are known before, in sum and in detail', async () => {
  const call = api.tx.balances.transferKeepAlive(bob.address, UNIT);
  const info = await call.paymentInfo(alice);
  assert.ok(info.partialFee.toBigInt() > 0n);
  assert.equal(info.class.toString(), 'Normal');
  assert.ok(info.weight.refTime.toBigInt() > 0n);
  const signed = await call.signAsync(alice);
  const details = await api.rpc.payment.queryFeeDetails(signed.toHex());
  const { baseFee, lenFee, adjustedWeightFee } = details.inclusionFee.unwrap();
  const sum = baseFee.toBigInt() + lenFee.toBigInt() + adjustedWeightFee.toBigInt();
  assert.equal(sum, info.partialFee.toBigInt());
  // The API decodes this answer's weight in a form that nodes no longer give, so: unformatted.
  const raw = await api._rpcCore.provider.send('payment_queryInfo', [signed.toHex()]);
  assert.equal(BigInt(raw.partialFee), info.partialFee.toBigInt());
  assert.equal(BigInt(raw.weight.ref_time), info.weight.refTime.toBigInt());
});

test('a dry run says what would happen and changes nothing', async () => {
  const had = await free(api, bob);
  const good = await api.tx.balances.transferKeepAlive(bob.address, UNIT).dryRun(alice);
  assert.ok(good.isOk && good.asOk.isOk);
  const bad = await api.tx.balances.transferKeepAlive(bob.address, 10n ** 30n).dryRun(alice);
  assert.ok(bad.isOk && bad.asOk.isErr);
  assert.equal(await free(api, bob), had);
});

test('a read proof is of the block that was asked about', async () => {
  const at = await api.rpc.chain.getBlockHash();
  const key = api.query.timestamp.now.key();
  const proof = await api.rpc.state.getReadProof([key], at);
  assert.equal(proof.at.toHex(), at.toHex());
  const { stateRoot } = await api.rpc.chain.getHeader(at);
  const roots = proof.proof.map((node) => api.registry.hash(node.toU8a(true)).toHex());
  assert.ok(roots.includes(stateRoot.toHex()), 'the root node is part of the proof');
});

test('utility.batchAll takes several calls in one transaction', async () => {
  const calls = [1n, 2n, 3n].map((n) => api.tx.balances.transferKeepAlive(bob.address, n * UNIT));
  const had = await free(api, bob);
  const result = await submit(api, api.tx.utility.batchAll(calls), alice);
  assert.ok(eventNames(result).includes('utility.BatchCompleted'));
  assert.equal(await free(api, bob), had + 6n * UNIT);
});

test('nonces count what waits in the pool', async () => {
  const first = (await api.rpc.system.accountNextIndex(alice.address)).toNumber();
  const calls = [0, 1, 2, 3].map((n) =>
    api.tx.system.remark('0x00').signAndSend(alice, { nonce: first + n }),
  );
  await Promise.all(calls);
  const next = await api.rpc.system.accountNextIndex(alice.address);
  assert.equal(next.toNumber(), first + 4);
});

test('batches are answered over HTTP, each request on its own', async () => {
  const { status, json } = await post([
    { jsonrpc: '2.0', id: 1, method: 'system_chain', params: [] },
    { jsonrpc: '2.0', id: 2, method: 'no_suchMethod', params: [] },
    { jsonrpc: '2.0', id: 3, method: 'chain_getBlockHash', params: [[0, 1]] },
  ]);
  assert.equal(status, 200);
  const answers = Object.fromEntries(json.map((answer) => [answer.id, answer]));
  assert.equal(answers[1].result, 'DecentralML Development');
  assert.equal(answers[2].error.code, -32601);
  assert.equal(answers[3].result[0], api.genesisHash.toHex());
});

test('batches are answered over WebSocket', async () => {
  const socket = new (await import('ws')).default(process.env.CHAIN_URL);
  await new Promise((resolve) => socket.once('open', resolve));
  const answer = new Promise((resolve) => socket.once('message', (data) => resolve(JSON.parse(data))));
  socket.send(
    JSON.stringify([1, 2].map((id) => ({ jsonrpc: '2.0', id, method: 'system_health', params: [] }))),
  );
  assert.deepEqual((await answer).map(({ id }) => id), [1, 2]);
  socket.close();
});

test('an unknown block is an error with the code of a node', async () => {
  const nowhere = `0x${'11'.repeat(32)}`;
  const { json } = await post({
    jsonrpc: '2.0',
    id: 1,
    method: 'state_getStorage',
    params: ['0x00', nowhere],
  });
  assert.equal(json.error.code, 4003);
  assert.match(json.error.message, /UnknownBlock/);
});
