// What every test here needs: the chain's address, a connection, the well-known accounts.
import assert from 'node:assert/strict';
import { ApiPromise, Keyring, WsProvider } from '@polkadot/api';
import { cryptoWaitReady } from '@polkadot/util-crypto';

export const url = process.env.CHAIN_URL;
assert.ok(url, 'CHAIN_URL must be the WebSocket address of a development chain');
export const UNIT = 10n ** 12n;

export async function connect() {
  await cryptoWaitReady();
  return ApiPromise.create({ provider: new WsProvider(url, 1000), noInitWarn: true });
}

export async function accounts() {
  await cryptoWaitReady();
  const keyring = new Keyring({ type: 'sr25519' });
  const named = ['Alice', 'Bob', 'Charlie', 'Dave'].map((name) => [
    name.toLowerCase(),
    keyring.addFromUri(`//${name}`),
  ]);
  return Object.fromEntries(named);
}

// Signs and submits; resolves when the status says `until`, with the events of the transaction.
export function submit(api, call, signer, until = 'isFinalized') {
  return new Promise((resolve, reject) => {
    const statuses = [];
    let unsubscribe;
    call
      .signAndSend(signer, (result) => {
        statuses.push(result.status.type);
        if (result.isError) reject(new Error(`transaction ${result.status.type}`));
        if (!result.status[until]) return;
        unsubscribe?.();
        if (result.dispatchError?.isModule) {
          const { section, name } = api.registry.findMetaError(result.dispatchError.asModule);
          reject(Object.assign(new Error(`${section}.${name}`), { section, name }));
        } else if (result.dispatchError) {
          reject(new Error(result.dispatchError.toString()));
        } else {
          resolve({ ...result, statuses, blockHash: result.status[until.replace('is', 'as')] });
        }
      })
      .then((stop) => (unsubscribe = stop), reject);
  });
}

export function eventNames(result) {
  return result.events.map(({ event }) => `${event.section}.${event.method}`);
}

// The first values that a subscription is told, as many as are wanted.
export function collect(subscribe, count, afterFirst = () => {}) {
  return new Promise((resolve, reject) => {
    const seen = [];
    let stop;
    subscribe((value) => {
      seen.push(value);
      if (seen.length === 1) Promise.resolve(afterFirst()).catch(reject);
      if (seen.length === count) {
        stop?.();
        resolve(seen);
      }
    }).then((unsubscribe) => {
      stop = unsubscribe;
      if (seen.length >= count) stop();
    }, reject);
  });
}

// JSON-RPC over HTTP, as curl would.
export async function post(body) {
  const response = await fetch(url.replace('ws', 'http'), {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
  return { status: response.status, json: await response.json() };
}
