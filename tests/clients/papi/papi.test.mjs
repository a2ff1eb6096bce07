// polkadot-api, unmodified: it knows nothing of state_* or author_*, only chainHead_v1_*,
// transaction_v1_*, chainSpec_v1_* and archive_v1_*.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { sr25519CreateDerive } from '@polkadot-labs/hdkd';
import { DEV_PHRASE, entropyToMiniSecret, mnemonicToEntropy, ss58Address } from '@polkadot-labs/hdkd-helpers';
import { createClient } from 'polkadot-api';
import { getPolkadotSigner } from 'polkadot-api/signer';
import { getWsProvider } from 'polkadot-api/ws';
import { WebSocket } from 'ws';

globalThis.WebSocket ??= WebSocket; // which Node has from version 22 on

const UNIT = 10n ** 12n;
const derive = sr25519CreateDerive(entropyToMiniSecret(mnemonicToEntropy(DEV_PHRASE)));
const account = (path) => {
  const pair = derive(path);
  return {
    address: ss58Address(pair.publicKey, 42),
    signer: getPolkadotSigner(pair.publicKey, 'Sr25519', pair.sign),
  };
};
const [alice, bob, charlie] = ['//Alice', '//Bob', '//Charlie'].map(account);

let client, api;

before(() => {
  client = createClient(getWsProvider(process.env.CHAIN_URL));
  api = client.getUnsafeApi();
});
after(() => client.destroy());

const id = (address) => ({ type: 'Id', value: address });
const free = async (who) =>
  (await api.query.System.Account.getValue(who.address, { at: 'best' })).data.free;
const transfer = (who, value) =>
  api.tx.Balances.transfer_keep_alive({ dest: id(who.address), value });

test('it knows the chain', async () => {
  const spec = await client.getChainSpecData();
  assert.equal(spec.name, 'DecentralML Development');
  assert.equal(spec.properties.tokenSymbol, 'DML');
});

test('a transfer is final, with its events; the money moved', async () => {
  const had = await free(bob);
  const result = await transfer(bob, 3n * UNIT).signAndSubmit(alice.signer);
  assert.ok(result.ok);
  assert.ok(result.events.some(({ type, value }) => type === 'Balances' && value.type === 'Transfer'));
  assert.equal(await free(bob), had + 3n * UNIT);
});

test('a transaction is watched from its signature to the end', async () => {
  const seen = [];
  await new Promise((resolve, reject) =>
    transfer(bob, UNIT)
      .signSubmitAndWatch(alice.signer)
      .subscribe({ next: (event) => seen.push(event.type), error: reject, complete: resolve }),
  );
  assert.equal(seen[0], 'signed');
  assert.equal(seen.at(-1), 'finalized');
  assert.ok(seen.includes('broadcasted'));
});

test('a failing call is told with the pallet and its error', async () => {
  const result = await api.tx.DecentralML.accept_task({ task: 10n ** 9n }).signAndSubmit(alice.signer);
  assert.equal(result.ok, false);
  assert.equal(result.dispatchError.value.type, 'DecentralML');
  assert.equal(result.dispatchError.value.value.type, 'UnknownTask');
});

test('who cannot pay is refused before anything is sent', async () => {
  await assert.rejects(transfer(bob, UNIT).signAndSubmit(account('//Poor').signer));
});

test('fees are estimated by the runtime', async () => {
  assert.ok((await transfer(bob, UNIT).getEstimatedFees(alice.address)) > 0n);
});

test('blocks are told one after the other', async () => {
  const numbers = [];
  const blocks = new Promise((resolve, reject) => {
    const watching = client.finalizedBlock$.subscribe({
      next: ({ number }) => {
        numbers.push(number);
        if (numbers.length < 3) return;
        watching.unsubscribe();
        resolve();
      },
      error: reject,
    });
  });
  await transfer(bob, UNIT).signAndSubmit(alice.signer);
  await transfer(bob, UNIT).signAndSubmit(alice.signer);
  await blocks;
  assert.deepEqual(numbers, [numbers[0], numbers[0] + 1, numbers[0] + 2]);
});

test('a value is watched as it changes', async () => {
  const seen = [];
  const changed = new Promise((resolve, reject) => {
    const watching = api.query.System.Account.watchValue(charlie.address, { at: 'best' }).subscribe({
      next: (value) => {
        seen.push((value.value ?? value).data.free);
        if (seen.length < 2) return;
        watching.unsubscribe();
        resolve();
      },
      error: reject,
    });
  });
  await transfer(charlie, UNIT).signAndSubmit(alice.signer);
  await changed;
  assert.equal(seen[1] - seen[0], UNIT);
});

test('all entries of a map are read at once', async () => {
  const entries = await api.query.System.Account.getEntries();
  const addresses = entries.map(({ keyArgs }) => keyArgs[0]);
  assert.ok(addresses.includes(alice.address) && addresses.includes(bob.address));
});

test('bodies and headers of blocks can be read', async () => {
  const { hash, number } = await client.getFinalizedBlock();
  assert.equal((await client.getBlockHeader(hash)).number, number);
  const body = await client.getBlockBody(hash);
  assert.ok(body.length >= 1);
});

test('constants and runtime calls answer', async () => {
  assert.ok((await api.constants.Balances.ExistentialDeposit()) > 0n);
  const nonce = await api.apis.AccountNonceApi.account_nonce(alice.address);
  assert.ok(nonce > 0);
});
