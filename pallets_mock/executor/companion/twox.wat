  ;; twox: xxh64 with the seeds 0, 1, 2, 3. Source: the xxHash specification, XXH64.

  (global $P1 i64 (i64.const 0x9E3779B185EBCA87))
  (global $P2 i64 (i64.const 0xC2B2AE3D27D4EB4F))
  (global $P3 i64 (i64.const 0x165667B19E3779F9))
  (global $P4 i64 (i64.const 0x85EBCA77C2B2AE63))
  (global $P5 i64 (i64.const 0x27D4EB2F165667C5))

  (func $round (param $sum i64) (param $lane i64) (result i64)
    (i64.mul
      (i64.rotl
        (i64.add (local.get $sum) (i64.mul (local.get $lane) (global.get $P2)))
        (i64.const 31))
      (global.get $P1)))

  (func $merge (param $hash i64) (param $sum i64) (result i64)
    (i64.add
      (i64.mul
        (i64.xor (local.get $hash) (call $round (i64.const 0) (local.get $sum)))
        (global.get $P1))
      (global.get $P4)))

  (func $xxh64 (param $at i32) (param $length i32) (param $seed i64) (result i64)
    (local $end i32) (local $hash i64)
    (local $a i64) (local $b i64) (local $c i64) (local $d i64)
    (local.set $end (i32.add (local.get $at) (local.get $length)))
    (if (i32.ge_u (local.get $length) (i32.const 32))
      (then
        (local.set $a (i64.add (local.get $seed) (i64.add (global.get $P1) (global.get $P2))))
        (local.set $b (i64.add (local.get $seed) (global.get $P2)))
        (local.set $c (local.get $seed))
        (local.set $d (i64.sub (local.get $seed) (global.get $P1)))
        (loop $stripes
          (local.set $a (call $round (local.get $a) (i64.load (local.get $at))))
          (local.set $b (call $round (local.get $b) (i64.load offset=8 (local.get $at))))
          (local.set $c (call $round (local.get $c) (i64.load offset=16 (local.get $at))))
          (local.set $d (call $round (local.get $d) (i64.load offset=24 (local.get $at))))
          (local.set $at (i32.add (local.get $at) (i32.const 32)))
          (br_if $stripes
            (i32.ge_u (i32.sub (local.get $end) (local.get $at)) (i32.const 32))))
        (local.set $hash
          (i64.add
            (i64.add (i64.rotl (local.get $a) (i64.const 1))
                     (i64.rotl (local.get $b) (i64.const 7)))
            (i64.add (i64.rotl (local.get $c) (i64.const 12))
                     (i64.rotl (local.get $d) (i64.const 18)))))
        (local.set $hash (call $merge (local.get $hash) (local.get $a)))
        (local.set $hash (call $merge (local.get $hash) (local.get $b)))
        (local.set $hash (call $merge (local.get $hash) (local.get $c)))
        (local.set $hash (call $merge (local.get $hash) (local.get $d))))
      (else (local.set $hash (i64.add (local.get $seed) (global.get $P5)))))
    (local.set $hash (i64.add (local.get $hash) (i64.extend_i32_u (local.get $length))))
    (block $no_eights
      (loop $eights
        (br_if $no_eights (i32.lt_u (i32.sub (local.get $end) (local.get $at)) (i32.const 8)))
        (local.set $hash
          (i64.add
            (i64.mul
              (i64.rotl
                (i64.xor (local.get $hash)
                  (call $round (i64.const 0) (i64.load (local.get $at))))
                (i64.const 27))
              (global.get $P1))
            (global.get $P4)))
        (local.set $at (i32.add (local.get $at) (i32.const 8)))
        (br $eights)))
    (if (i32.ge_u (i32.sub (local.get $end) (local.get $at)) (i32.const 4))
      (then
        (local.set $hash
          (i64.add
            (i64.mul
              (i64.rotl
                (i64.xor (local.get $hash)
                  (i64.mul (i64.load32_u (local.get $at)) (global.get $P1)))
                (i64.const 23))
              (global.get $P2))
            (global.get $P3)))
        (local.set $at (i32.add (local.get $at) (i32.const 4)))))
    (block $no_bytes
      (loop $bytes
        (br_if $no_bytes (i32.ge_u (local.get $at) (local.get $end)))
        (local.set $hash
          (i64.mul
            (i64.rotl
              (i64.xor (local.get $hash)
                (i64.mul (i64.load8_u (local.get $at)) (global.get $P5)))
              (i64.const 11))
            (global.get $P1)))
        (local.set $at (i32.add (local.get $at) (i32.const 1)))
        (br $bytes)))
    (local.set $hash
      (i64.mul
        (i64.xor (local.get $hash) (i64.shr_u (local.get $hash) (i64.const 33)))
        (global.get $P2)))
    (local.set $hash
      (i64.mul
        (i64.xor (local.get $hash) (i64.shr_u (local.get $hash) (i64.const 29)))
        (global.get $P3)))
    (i64.xor (local.get $hash) (i64.shr_u (local.get $hash) (i64.const 32))))

  ;; $words hashes with ascending seeds, in a new allocation.
  (func $twox (param $data i64) (param $words i32) (result i32)
    (local $out i32) (local $at i32) (local $length i32) (local $seed i32)
    (local.set $at (i32.wrap_i64 (local.get $data)))
    (local.set $length (i32.wrap_i64 (i64.shr_u (local.get $data) (i64.const 32))))
    (local.set $out (call $malloc (i32.shl (local.get $words) (i32.const 3))))
    (loop $next
      (i64.store
        (i32.add (local.get $out) (i32.shl (local.get $seed) (i32.const 3)))
        (call $xxh64 (local.get $at) (local.get $length) (i64.extend_i32_u (local.get $seed))))
      (local.set $seed (i32.add (local.get $seed) (i32.const 1)))
      (br_if $next (i32.lt_u (local.get $seed) (local.get $words))))
    (local.get $out))

  (func (export "ext_hashing_twox_64_version_1") (param i64) (result i32)
    (call $twox (local.get 0) (i32.const 1)))
  (func (export "ext_hashing_twox_128_version_1") (param i64) (result i32)
    (call $twox (local.get 0) (i32.const 2)))
  (func (export "ext_hashing_twox_256_version_1") (param i64) (result i32)
    (call $twox (local.get 0) (i32.const 4)))
