// z of a hidden layer in adjoint mode as a jet; adjoint_layer.wgsl and curved_jet.wgsl stand before it.

// Of the first layer the tangents are columns of its W, and nothing curves.
fn z_jet(unit: u32, point: u32) -> Jet {
    var jet: Jet;
    jet[0] = value_of(unit, point);
    if FIRST == 1u {
        for (var k = 0u; k < TANGENTS; k++) { // unrolled
            jet[1u + k] = tangent(k, unit, point);
        }
    } else {
        for (var c = 0u; c < OTHERS; c++) { // unrolled
            jet[1u + c] = z[(unit * Z_CHANNELS + 1u + c) * layer.points + point];
        }
    }
    return jet;
}
