import { encrypt, ROUND_KEYS_SIZE } from "./aes";
import { keyExpansion } from "./aes-keys";
import { AES_BLOCKS, DRBG_KEY, DRBG_ROUND_KEYS, DRBG_SEED, DRBG_V, ENTROPY } from "./memory";
import { wipe } from "./wipe";

/*
 * SP 800-90A §10.2.1: CTR_DRBG with AES-256 and no derivation function; ctr_len = blocklen, seedlen = 384 bits. One
 * instance. The reseed interval of 2^48 requests is out of reach.
 */
const SEED_LENGTH: usize = 48;

/** §10.2.1.3.1, of 48 bytes of entropy and the personalization string, zero-padded. */
export function instantiate(entropy: usize, personalization: usize): void {
  memory.fill(DRBG_KEY, 0, 32);
  memory.fill(DRBG_V, 0, 16);
  reseed(entropy, personalization);
}

/** §10.2.1.4.1, of 48 bytes of entropy and additional input, zero-padded. */
export function reseed(entropy: usize, additional: usize): void {
  for (let offset: usize = 0; offset < SEED_LENGTH; offset += 16) {
    v128.store(DRBG_SEED + offset, v128.xor(v128.load(entropy + offset), v128.load(additional + offset)));
  }
  update();
  wipeScratch();
}

/** §10.2.1.5.1; additional input of 48 bytes, zero-padded, when `additional` is not 0. */
export function generate(target: usize, length: usize, additional: usize): void {
  if (additional) {
    memory.copy(DRBG_SEED, additional, SEED_LENGTH);
    update();
  }
  keyExpansion(DRBG_KEY, DRBG_ROUND_KEYS);
  while (length > 0) {
    const part = min(length, 128);
    blocks(part);
    memory.copy(target, AES_BLOCKS, part);
    target += part;
    length -= part;
  }
  updateWithRoundKeys();
  wipeScratch();
}

/** What the boundary takes: every request brings 32 or more fresh bytes of the operating system, in ENTROPY, wiped. */
export function draw(target: usize, length: usize): void {
  generate(target, length, ENTROPY);
  memory.fill(ENTROPY, 0, SEED_LENGTH);
}

/** CTR_DRBG_Update, §10.2.1.2, with the provided data at DRBG_SEED. */
function update(): void {
  keyExpansion(DRBG_KEY, DRBG_ROUND_KEYS);
  updateWithRoundKeys();
}

function updateWithRoundKeys(): void {
  blocks(SEED_LENGTH);
  for (let offset: usize = 0; offset < SEED_LENGTH; offset += 16) {
    v128.store(DRBG_KEY + offset, v128.xor(v128.load(AES_BLOCKS + offset), v128.load(DRBG_SEED + offset)));
  }
}

/** V = V + 1, E(Key, V), … into AES_BLOCKS: enough for `length`, at most 128. */
function blocks(length: usize): void {
  let low = bswap<u64>(load<u64>(DRBG_V, 8));
  let high = bswap<u64>(load<u64>(DRBG_V));
  for (let block = AES_BLOCKS; block < AES_BLOCKS + length; block += 16) {
    low += 1;
    high += <u64>(low == 0);
    store<u64>(block, bswap<u64>(high));
    store<u64>(block, bswap<u64>(low), 8);
  }
  store<u64>(DRBG_V, bswap<u64>(high));
  store<u64>(DRBG_V, bswap<u64>(low), 8);
  encrypt(DRBG_ROUND_KEYS, AES_BLOCKS, (length + 15) >> 4);
}

function wipeScratch(): void {
  wipe(DRBG_SEED, SEED_LENGTH);
  wipe(DRBG_ROUND_KEYS, ROUND_KEYS_SIZE);
  wipe(AES_BLOCKS, 128);
}
