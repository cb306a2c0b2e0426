// Up to order 2; the host writes the products out above it.

// q of a second-order entry: the sum of c dz_k dz_l over its products.
fn product_sum(second: u32, unit: u32, point: u32) -> Number {
    var q = Number();
    for (var n = 0u; n < product_count(second); n++) {
        let i = product_start(second) + n;
        let dz = tangent(product_k(i), unit, point) * tangent(product_l(i), unit, point);
        q = fma(Number(product_coefficient(i)), dz, q);
    }
    return q;
}
