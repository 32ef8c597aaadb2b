package openapi

import (
	"errors"
	"math/big"
	"strings"
)

// errQuantity is what Kubernetes answers to a text that is no quantity.
var errQuantity = errors.New(`quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'`)

// quantityFormat is how a quantity was written and will be written again.
type quantityFormat uint8

const (
	decimalSI       quantityFormat = iota // 500m, 12k
	binarySI                              // 64Mi
	decimalExponent                       // 12e6
)

// decimalSuffixes go from 10⁻⁹ to 10¹⁸ in steps of 10³.
var decimalSuffixes = [...]string{"n", "u", "m", "", "k", "M", "G", "T", "P", "E"}

// binarySuffixes go from 2¹⁰ to 2⁶⁰ in steps of 2¹⁰.
var binarySuffixes = [...]string{"Ki", "Mi", "Gi", "Ti", "Pi", "Ei"}

var (
	thousand  = big.NewInt(1000)
	kibi      = big.NewInt(1024)
	million   = big.NewInt(1e6)
	billion   = big.NewInt(1e9)
	maxAmount = new(big.Int).Mul(big.NewInt(1<<63-1), billion) // in nano-units: what Kubernetes caps at
)

// Amount is a quantity such as "500m" or "64Mi" as a number of nano-units, which is Kubernetes' finest scale. The zero value is 0.
type Amount struct {
	nano   *big.Int // nil: 0
	format quantityFormat
}

// ParseAmount reads a quantity; the error is Kubernetes'. Anything below a nano-unit is rounded up, away from zero.
func ParseAmount(text string) (Amount, error) {
	body := strings.TrimLeft(text, "+-")
	negative := strings.HasPrefix(text, "-")
	if len(text)-len(body) > 1 || len(text) > 256 {
		return Amount{}, errQuantity
	}
	end := strings.IndexFunc(body, func(r rune) bool { return r != '.' && (r < '0' || r > '9') })
	if end < 0 {
		end = len(body)
	}
	number, suffix := body[:end], body[end:]
	whole, fraction, _ := strings.Cut(number, ".")
	if whole+fraction == "" || strings.Contains(fraction, ".") {
		return Amount{}, errQuantity
	}
	digits, ok := new(big.Int).SetString(whole+fraction, 10)
	if !ok {
		return Amount{}, errQuantity
	}
	scale, format, err := parseSuffix(suffix)
	if err != nil {
		return Amount{}, err
	}
	den := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(len(fraction))), nil)
	num := digits.Mul(digits, scale.Num())
	num.Mul(num, billion)
	den.Mul(den, scale.Denom())
	nano := ceilDiv(num, den)
	if nano.Cmp(maxAmount) > 0 {
		nano.Set(maxAmount)
	}
	if negative {
		nano.Neg(nano)
	}
	return Amount{nano, format}, nil
}

// parseSuffix returns the factor and the format that a suffix stands for.
func parseSuffix(suffix string) (*big.Rat, quantityFormat, error) {
	for i, s := range decimalSuffixes {
		if s == suffix {
			return pow(thousand, i-3), decimalSI, nil
		}
	}
	for i, s := range binarySuffixes {
		if s == suffix {
			return pow(kibi, i+1), binarySI, nil
		}
	}
	if len(suffix) > 1 && (suffix[0] == 'e' || suffix[0] == 'E') {
		sign, digits := 1, suffix[1:]
		switch digits[0] {
		case '-':
			sign, digits = -1, digits[1:]
		case '+':
			digits = digits[1:]
		}
		exp := 0
		for _, r := range digits {
			if r < '0' || r > '9' || exp > 1000 {
				return nil, 0, errQuantity
			}
			exp = exp*10 + int(r-'0')
		}
		if digits != "" {
			return pow(big.NewInt(10), sign*exp), decimalExponent, nil
		}
	}
	return nil, 0, errQuantity
}

func pow(base *big.Int, exp int) *big.Rat {
	r := new(big.Rat)
	if exp < 0 {
		return r.SetFrac(big.NewInt(1), new(big.Int).Exp(base, big.NewInt(int64(-exp)), nil))
	}
	return r.SetInt(new(big.Int).Exp(base, big.NewInt(int64(exp)), nil))
}

// ceilDiv returns num/den, rounded away from zero; den is positive.
func ceilDiv(num, den *big.Int) *big.Int {
	q, r := new(big.Int).QuoRem(num, den, new(big.Int))
	if r.Sign() != 0 {
		q.Add(q, big.NewInt(int64(num.Sign())))
	}
	return q
}

// String returns the canonical form: the largest suffix that leaves a whole number.
func (a Amount) String() string {
	if a.Sign() == 0 {
		return "0"
	}
	format := a.format
	whole, rest := new(big.Int).QuoRem(a.nano, billion, new(big.Int))
	if format == binarySI && (rest.Sign() != 0 || whole.CmpAbs(kibi) < 0) {
		format = decimalSI // as Kubernetes does for 0.5Ki
	}
	if format == binarySI {
		suffix := ""
		for _, s := range binarySuffixes {
			q, r := new(big.Int).QuoRem(whole, kibi, new(big.Int))
			if r.Sign() != 0 {
				break
			}
			whole, suffix = q, s
		}
		return whole.String() + suffix
	}
	n, step := new(big.Int).Set(a.nano), 0
	for step < len(decimalSuffixes)-1 {
		q, r := new(big.Int).QuoRem(n, thousand, new(big.Int))
		if r.Sign() != 0 {
			break
		}
		n, step = q, step+1
	}
	if format == decimalExponent {
		if step == 3 {
			return n.String()
		}
		return n.String() + "e" + big.NewInt(int64(step-3)*3).String()
	}
	return n.String() + decimalSuffixes[step]
}

// Sign returns -1, 0 or 1 as a is negative, zero or positive.
func (a Amount) Sign() int { return a.value().Sign() }

// Cmp returns -1, 0 or 1 as a is below, equal to or above b.
func (a Amount) Cmp(b Amount) int { return a.value().Cmp(b.value()) }

func (a Amount) value() *big.Int {
	if a.nano == nil {
		return new(big.Int)
	}
	return a.nano
}

// Milli returns a in thousandths, rounded away from zero and capped at int64.
func (a Amount) Milli() int64 { return capped(ceilDiv(a.value(), million)) }

// Whole returns a as a whole number, rounded away from zero and capped at int64.
func (a Amount) Whole() int64 { return capped(ceilDiv(a.value(), billion)) }

// IsMilli reports whether a is a whole number of thousandths.
func (a Amount) IsMilli() bool {
	return new(big.Int).Rem(a.value(), million).Sign() == 0
}

// IsWhole reports whether a is a whole number.
func (a Amount) IsWhole() bool {
	return new(big.Int).Rem(a.value(), billion).Sign() == 0
}

// RoundUpMilli returns a rounded away from zero to thousandths.
func (a Amount) RoundUpMilli() Amount {
	n := ceilDiv(a.value(), million)
	return Amount{n.Mul(n, million), a.format}
}

// Over returns a/b, rounded away from zero, in decimal digits; b is 1 if it is not positive.
func (a Amount) Over(b Amount) string {
	if b.Sign() <= 0 {
		b.nano = billion
	}
	return ceilDiv(a.value(), b.nano).String()
}

func capped(n *big.Int) int64 {
	if n.IsInt64() {
		return n.Int64()
	}
	if n.Sign() < 0 {
		return -1 << 63
	}
	return 1<<63 - 1
}
