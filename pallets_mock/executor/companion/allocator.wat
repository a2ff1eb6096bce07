  ;; The memory and its allocator: host/allocator.py says how the state lies in it.

  (memory (export "memory") ${PAGES} ${PAGES})

  ;; The bump pointer of a fresh instance; all free lists are empty.
  (func $start (i32.store (i32.const ${HEAP}) (i32.const ${FIRST})))
  (start $start)

  (func $malloc (export "ext_allocator_malloc_version_1") (param $size i32) (result i32)
    (local $order i32) (local $slot i32) (local $block i32) (local $end i32)
    (if (i32.gt_u (local.get $size) (i32.const ${MOST})) (then unreachable))
    ;; The least k with 8 << k >= size.
    (if (i32.gt_u (local.get $size) (i32.const 8))
      (then (local.set $order
        (i32.sub (i32.const 29)
          (i32.clz (i32.sub (local.get $size) (i32.const 1)))))))
    (local.set $slot
      (i32.add (i32.const ${FREE_LISTS}) (i32.shl (local.get $order) (i32.const 2))))
    (local.set $block (i32.load (local.get $slot)))
    (if (local.get $block)
      (then (i32.store (local.get $slot) (i32.load (local.get $block))))
      (else
        (local.set $block (i32.load (i32.const ${HEAP})))
        (local.set $end
          (i32.add (i32.add (local.get $block) (i32.const ${HEADER}))
            (i32.shl (i32.const 8) (local.get $order))))
        (if (i32.gt_u (local.get $end) (i32.const ${END})) (then unreachable))
        (i32.store (i32.const ${HEAP}) (local.get $end))))
    (i32.store (local.get $block) (local.get $order))
    (i32.store offset=4 (local.get $block) (i32.const 1))
    (i32.add (local.get $block) (i32.const ${HEADER})))

  (func $free (export "ext_allocator_free_version_1") (param $address i32)
    (local $order i32) (local $slot i32) (local $block i32)
    (local.set $block (i32.sub (local.get $address) (i32.const ${HEADER})))
    (if (i32.or
          (i32.or
            (i32.and (local.get $block) (i32.const 7))
            (i32.lt_u (local.get $block) (i32.const ${FIRST})))
          (i32.ge_u (local.get $block) (i32.load (i32.const ${HEAP}))))
      (then unreachable))
    (if (i32.ne (i32.load offset=4 (local.get $block)) (i32.const 1)) (then unreachable))
    (local.set $order (i32.load (local.get $block)))
    (if (i32.ge_u (local.get $order) (i32.const 23)) (then unreachable))
    (local.set $slot
      (i32.add (i32.const ${FREE_LISTS}) (i32.shl (local.get $order) (i32.const 2))))
    (i32.store (local.get $block) (i32.load (local.get $slot)))
    (i32.store offset=4 (local.get $block) (i32.const 0))
    (i32.store (local.get $slot) (local.get $block)))
