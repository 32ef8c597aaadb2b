package main

import (
	"context"
	"math/big"
)

// pi returns π with that many significant digits, the last one rounded, as perl's
// bpi does. progress is told the share that is done, from 0 to 1.
//
// It sums Machin's formula π/4 = 4·arctan(1/5) - arctan(1/239) in integers.
func pi(ctx context.Context, digits int, progress func(float64)) (string, error) {
	const guard = 10
	unit := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(digits+guard)), nil)
	a, err := arctanInverse(ctx, unit, 5, func(done float64) { progress(done * 0.8) })
	if err != nil {
		return "", err
	}
	b, err := arctanInverse(ctx, unit, 239, func(done float64) { progress(0.8 + done*0.2) })
	if err != nil {
		return "", err
	}
	sum := a.Mul(a, big.NewInt(4))
	sum.Sub(sum, b).Mul(sum, big.NewInt(4)) // π · 10^(digits+guard)
	// Keep digits digits: the first is before the point.
	cut := new(big.Int).Exp(big.NewInt(10), big.NewInt(guard+1), nil)
	half := new(big.Int).Rsh(cut, 1)
	text := sum.Add(sum, half).Div(sum, cut).String()
	if digits < 2 {
		return text, nil
	}
	return text[:1] + "." + text[1:], nil
}

// arctanInverse returns arctan(1/x) in multiples of 1/unit.
func arctanInverse(ctx context.Context, unit *big.Int, x int64, progress func(float64)) (*big.Int, error) {
	square := big.NewInt(x * x)
	power := new(big.Int).Div(unit, big.NewInt(x)) // 1/x^(2k+1)
	sum, term := new(big.Int), new(big.Int)
	whole := float64(power.BitLen())
	for k := int64(0); power.Sign() != 0; k++ {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		term.Div(power, big.NewInt(2*k+1))
		if k%2 == 0 {
			sum.Add(sum, term)
		} else {
			sum.Sub(sum, term)
		}
		power.Div(power, square)
		progress(1 - float64(power.BitLen())/whole)
	}
	return sum, nil
}
