  ;; A cache of what the runtime read and wrote in this call: a transfer reads one account two
  ;; dozen times. The host below stays the truth: every write goes to it first, and whatever
  ;; changes more than one key empties the cache. The cache ends with the instance.
  ;;
  ;; An entry is 16 bytes: address of a block (0: empty), length of the key, length of the
  ;; answer. The block holds the key, then the answer as `get` returns it (SCALE Option).

  (func $entry (param $key i32) (param $length i32) (result i32)
    ;; By the key's last eight bytes, which are hashed or an account.
    (local $slot i32)
    (if (i32.ge_u (local.get $length) (i32.const 8))
      (then (local.set $slot
        (i32.wrap_i64
          (i64.shr_u
            (i64.mul
              (i64.load (i32.sub (i32.add (local.get $key) (local.get $length)) (i32.const 8)))
              (i64.const 0x9E3779B97F4A7C15))
            (i64.const ${CACHE_SHIFT}))))))
    (i32.add (i32.const ${CACHE}) (i32.shl (local.get $slot) (i32.const 4))))

  (func $same (param $a i32) (param $b i32) (param $length i32) (result i32)
    (local $end i32)
    (local.set $end (i32.add (local.get $a) (local.get $length)))
    (block $no_eights
      (loop $eights
        (br_if $no_eights (i32.lt_u (i32.sub (local.get $end) (local.get $a)) (i32.const 8)))
        (if (i64.ne (i64.load (local.get $a)) (i64.load (local.get $b)))
          (then (return (i32.const 0))))
        (local.set $a (i32.add (local.get $a) (i32.const 8)))
        (local.set $b (i32.add (local.get $b) (i32.const 8)))
        (br $eights)))
    (block $no_bytes
      (loop $bytes
        (br_if $no_bytes (i32.ge_u (local.get $a) (local.get $end)))
        (if (i32.ne (i32.load8_u (local.get $a)) (i32.load8_u (local.get $b)))
          (then (return (i32.const 0))))
        (local.set $a (i32.add (local.get $a) (i32.const 1)))
        (local.set $b (i32.add (local.get $b) (i32.const 1)))
        (br $bytes)))
    (i32.const 1))

  ;; Address of the answer to this key, 0 if the entry is another's.
  (func $answer (param $entry i32) (param $key i32) (param $length i32) (result i32)
    (local $block i32)
    (local.set $block (i32.load (local.get $entry)))
    (if (i32.eqz (local.get $block)) (then (return (i32.const 0))))
    (if (i32.ne (i32.load offset=4 (local.get $entry)) (local.get $length))
      (then (return (i32.const 0))))
    (if (i32.eqz (call $same (local.get $key) (local.get $block) (local.get $length)))
      (then (return (i32.const 0))))
    (i32.add (local.get $block) (local.get $length)))

  (func $forget (param $entry i32)
    (if (i32.load (local.get $entry))
      (then
        (call $free (i32.load (local.get $entry)))
        (i32.store (local.get $entry) (i32.const 0)))))

  (func $forget_all
    (local $entry i32)
    (local.set $entry (i32.const ${CACHE}))
    (loop $next
      (call $forget (local.get $entry))
      (local.set $entry (i32.add (local.get $entry) (i32.const 16)))
      (br_if $next (i32.lt_u (local.get $entry) (i32.const ${CACHE_END})))))

  ;; Give the entry to a key; where its answer, of this length, is to be written. 0: too long.
  (func $take (param $entry i32) (param $key i32) (param $length i32) (param $answer i32)
    (result i32)
    (local $block i32)
    (call $forget (local.get $entry))
    (if (i32.or
          (i32.gt_u (local.get $length) (i32.const ${CACHE_MOST}))
          (i32.gt_u (local.get $answer) (i32.const ${CACHE_MOST})))
      (then (return (i32.const 0))))
    (local.set $block (call $malloc (i32.add (local.get $length) (local.get $answer))))
    (memory.copy (local.get $block) (local.get $key) (local.get $length))
    (i32.store (local.get $entry) (local.get $block))
    (i32.store offset=4 (local.get $entry) (local.get $length))
    (i32.store offset=8 (local.get $entry) (local.get $answer))
    (i32.add (local.get $block) (local.get $length)))

  (func $low (param i64) (result i32) (i32.wrap_i64 (local.get 0)))
  (func $high (param i64) (result i32)
    (i32.wrap_i64 (i64.shr_u (local.get 0) (i64.const 32))))
  (func $entry_of (param $key i64) (result i32)
    (call $entry (call $low (local.get $key)) (call $high (local.get $key))))

  (func (export "ext_storage_get_version_1") (param $key i64) (result i64)
    (local $entry i32) (local $found i32) (local $length i32) (local $out i32)
    (local $result i64)
    (local.set $entry (call $entry_of (local.get $key)))
    (local.set $found
      (call $answer (local.get $entry) (call $low (local.get $key)) (call $high (local.get $key))))
    (if (local.get $found)
      (then
        (local.set $length (i32.load offset=8 (local.get $entry)))
        (local.set $out (call $malloc (local.get $length)))
        (memory.copy (local.get $out) (local.get $found) (local.get $length))
        (return
          (i64.or
            (i64.extend_i32_u (local.get $out))
            (i64.shl (i64.extend_i32_u (local.get $length)) (i64.const 32))))))
    (local.set $result (call $host_get (local.get $key)))
    (local.set $length (call $high (local.get $result)))
    (local.set $found
      (call $take (local.get $entry)
        (call $low (local.get $key)) (call $high (local.get $key)) (local.get $length)))
    (if (local.get $found)
      (then
        (memory.copy (local.get $found) (call $low (local.get $result)) (local.get $length))))
    (local.get $result))

  (func (export "ext_storage_exists_version_1") (param $key i64) (result i32)
    (local $found i32)
    (local.set $found
      (call $answer (call $entry_of (local.get $key))
        (call $low (local.get $key)) (call $high (local.get $key))))
    (if (local.get $found) (then (return (i32.load8_u (local.get $found)))))
    (call $host_exists (local.get $key)))

  (func (export "ext_storage_set_version_1") (param $key i64) (param $value i64)
    (local $entry i32) (local $length i32) (local $out i32) (local $prefix i32)
    (call $host_set (local.get $key) (local.get $value))
    (local.set $entry (call $entry_of (local.get $key)))
    (local.set $length (call $high (local.get $value)))
    (call $forget (local.get $entry))
    ;; `:` begins well-known keys, some of which the host does not let the runtime write.
    (if (i32.eqz (call $high (local.get $key))) (then return))
    (if (i32.eq (i32.load8_u (call $low (local.get $key))) (i32.const 58)) (then return))
    (if (i32.gt_u (local.get $length) (i32.const ${CACHE_MOST})) (then return))
    ;; Some, then the length as a compact number of one byte or two.
    (local.set $prefix
      (select (i32.const 2) (i32.const 3) (i32.lt_u (local.get $length) (i32.const 64))))
    (local.set $out
      (call $take (local.get $entry) (call $low (local.get $key)) (call $high (local.get $key))
        (i32.add (local.get $prefix) (local.get $length))))
    (if (i32.eqz (local.get $out)) (then return))
    (i32.store8 (local.get $out) (i32.const 1))
    (if (i32.eq (local.get $prefix) (i32.const 2))
      (then
        (i32.store8 offset=1 (local.get $out) (i32.shl (local.get $length) (i32.const 2))))
      (else
        (i32.store16 offset=1 (local.get $out)
          (i32.or (i32.shl (local.get $length) (i32.const 2)) (i32.const 1)))))
    (memory.copy
      (i32.add (local.get $out) (local.get $prefix))
      (call $low (local.get $value)) (local.get $length)))

  (func (export "ext_storage_clear_version_1") (param $key i64)
    (call $host_clear (local.get $key))
    (call $forget (call $entry_of (local.get $key))))

  (func (export "ext_storage_append_version_1") (param $key i64) (param $item i64)
    (call $host_append (local.get $key) (local.get $item))
    (call $forget (call $entry_of (local.get $key))))

  (func (export "ext_storage_clear_prefix_version_1") (param $prefix i64)
    (call $host_clear_prefix_1 (local.get $prefix))
    (call $forget_all))

  (func (export "ext_storage_clear_prefix_version_2")
    (param $prefix i64) (param $limit i64) (result i64)
    (call $host_clear_prefix_2 (local.get $prefix) (local.get $limit))
    (call $forget_all))

  (func (export "ext_storage_rollback_transaction_version_1")
    (call $host_rollback)
    (call $forget_all))
