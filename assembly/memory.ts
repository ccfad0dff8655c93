/**
 * The linear memory of one instance: 5 pages, fixed, no heap. Each primitive wipes what it used. What decides a branch,
 * an address or a length is public and lives in globals and arguments, never here: test/assembly/constant-time.test.ts
 * takes every byte of this memory for a secret.
 *
 *   00000  static data of the compiler: constants of SHA-256, labels
 *   01000  tables of AES, GHASH and SM4, public, computed when the instance starts
 *   02000  scratch of the primitives
 *   04000  GCM: round keys and powers of H of the key in use
 *   06000  CTR_DRBG: Key ‖ V, seed material
 *   06800  boundary: per-call keys, names, random bytes of a call
 *   06e00  boundary: material of the token that is open
 *   08000  boundary: root and domain keys, 33 × 1,856
 *   17000  midstates of derivers, 512 × 64
 *   1f000  four messages side by side: SHA-256, and the keys that come out
 *   20000  windows: what the host writes before a call and reads after it; secrets are then wiped
 *   50000  end
 */
export const STATIC_END: usize = 0x01000;

// ── tables
export const AES_TABLES: usize = 0x01000;
export const GHASH_TABLES: usize = 0x01600;
/** 16 × ff ‖ 16 × 00: a load at `TAIL_MASK + 16 - n` keeps the first n bytes. */
export const TAIL_MASK: usize = 0x01800;
/** 16 × 00 ‖ 80 ‖ 15 × 00: what follows a message in SHA-256. */
export const ONE_BIT: usize = 0x01820;
export const SM4_TABLES: usize = 0x01900;
/** The tables' own working space while the instance starts. */
export const TABLES_SCRATCH: usize = 0x02000;

// ── scratch
/** Counters and then key stream, up to 18 blocks, and what a cipher adds to come out even; E(J0): SP 800-38D. */
export const GCM_STREAM: usize = 0x02000;
export const GCM_TAG_MASK: usize = 0x02180;
/** Sixteen blocks in slices, and the two halves of their inversion: aes-sliced.ts. */
export const SLICES: usize = 0x02500;
export const SLICED_HALVES: usize = 0x02600;
/** Round keys 3 to 14; what all blocks have in common: column 0 in round 1, and round 2. */
export const SLICED_KEYS: usize = 0x02800;
export const SLICED_CONSTANTS: usize = 0x02b00;
export const SLICED_SECOND: usize = 0x02b40;
export const SLICED_FIRST: usize = 0x02c40;
export const SLICED_END: usize = 0x02c80;
/** Blocks of CTR_DRBG, a block of SP 800-38F. */
export const AES_BLOCKS: usize = 0x02d00;
/** Round keys of SP 800-38F. */
export const KEY_WRAP_KEYS: usize = 0x02e00;
/** Sixteen words of W + K, the chaining value, the unfinished block and 16 bytes behind it: FIPS 180-4. */
export const SHA256_SCHEDULE: usize = 0x02f00;
export const SHA256_STATE: usize = 0x02f40;
export const SHA256_BLOCK: usize = 0x02f60;
export const SHA256_END: usize = 0x02fb0;
/** Chaining values behind K0 ⊕ ipad and K0 ⊕ opad; K0: FIPS 198-1. */
export const HMAC_MIDSTATES: usize = 0x03000;
export const HMAC_KEY: usize = 0x03040;
/** Y; three products of half the length, 32 bytes each; up to 16 blocks that wait for their multiplication, 48 bytes each. */
export const GHASH_Y: usize = 0x03100;
export const GHASH_PRODUCTS: usize = 0x03110;
export const GHASH_STAGE: usize = 0x03170;
/** H^k at k × 16. */
export const GHASH_POWERS: usize = 0x03480;

// ── GCM
/** Round keys 240 ‖ pad 16 ‖ 16 powers of H × 384. */
export const GCM_KEY: usize = 0x04000;

// ── CTR_DRBG
export const DRBG_KEY: usize = 0x06000;
export const DRBG_V: usize = 0x06020;
export const DRBG_SEED: usize = 0x06040;
export const DRBG_ROUND_KEYS: usize = 0x06100;

// ── boundary
/** Fixed input of KBKDF, 48; also what a sealed domain key is bound to. */
export const FIXED_INPUT: usize = 0x06800;
export const CALL_KEY: usize = 0x06840;
export const HBK_NAME: usize = 0x06860;
/** What one call draws: up to 28 public bytes, then up to 1,024. */
export const RANDOM: usize = 0x06880;
/** 64 bytes that nothing writes. */
export const ZEROS: usize = 0x06d00;
export const MATERIAL: usize = 0x06e00;
export const MATERIAL_SIZE: usize = 4096;
/** id 16 ‖ key 32 ‖ pad 16 ‖ GCM key context with 4 powers of H, for the root and for each domain key. */
export const ROOT: usize = 0x08000;
export const DOMAIN_KEYS: usize = 0x08740;
export const DOMAIN_KEY_SIZE: usize = 0x740;

// ── derivers
/** Midstates of HMAC, 64 bytes for each key: derivers.ts. */
export const DERIVERS: usize = 0x17000;
/** Sixteen words of W, and the chaining values, of four messages: sha256-lanes.ts. */
export const LANES_SCHEDULE: usize = 0x1f000;
export const LANES_STATE: usize = 0x1f100;
/** Keys of four messages, 32 each. */
export const CALL_KEYS: usize = 0x1f180;

// ── windows
export const KEY: usize = 0x20000;
export const IV: usize = 0x20040;
/** A tag or digest to read or to compare with. */
export const TAG: usize = 0x20050;
/** Of a domain key. */
export const ID: usize = 0x20080;
/** Entropy or additional input, and personalization or additional input: 48 each. */
export const ENTROPY: usize = 0x200c0;
export const PERSONALIZATION: usize = 0x20100;
/** The counter of the one block of SP 800-108, and 1,024 bytes of fixed input behind it. */
export const KBKDF_COUNTER: usize = 0x20200;
export const FIXED: usize = 0x20204;
/** Four blocks of SHA-256, zeros between calls: counter 4 ‖ at most 51 bytes of fixed input ‖ what SHA-256 appends. */
export const KBKDF_BLOCKS: usize = 0x20800;
/** A token, and the token of a destination; 8,192 each. */
export const TOKEN: usize = 0x21000;
export const TOKEN2: usize = 0x23000;
/** Additional data: 62 bytes that the boundary fills with the header, then at most 16,384 of the host. */
export const AAD: usize = 0x26000;
export const AAD2: usize = 0x2b000;
/** 65,536 bytes to work on in place; a header may stand before them, a tag after. */
export const DATA: usize = 0x30080;
export const DATA_SIZE: usize = 0x10000;
/** Plaintext that stays when DATA has been encrypted. */
export const PLAINTEXT: usize = 0x41000;
export const MEMORY_END: usize = 0x50000;
