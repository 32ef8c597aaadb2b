package executor

import (
	"bytes"
	"encoding/json"
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
	billion   = big.NewInt(1e9)
	maxAmount = new(big.Int).Mul(big.NewInt(1<<63-1), billion) // in nano-units: what Kubernetes caps at
)

// amount is a quantity as a number of nano-units, which is Kubernetes' finest scale.
type amount struct {
	nano   *big.Int
	format quantityFormat
}

// parseAmount reads a quantity. Anything below a nano-unit is rounded up, away from zero.
func parseAmount(text string) (amount, error) {
	body := strings.TrimLeft(text, "+-")
	negative := strings.HasPrefix(text, "-")
	if len(text)-len(body) > 1 || len(text) > 256 {
		return amount{}, errQuantity
	}
	end := strings.IndexFunc(body, func(r rune) bool { return r != '.' && (r < '0' || r > '9') })
	if end < 0 {
		end = len(body)
	}
	number, suffix := body[:end], body[end:]
	whole, fraction, _ := strings.Cut(number, ".")
	if whole+fraction == "" || strings.Contains(fraction, ".") {
		return amount{}, errQuantity
	}
	digits, ok := new(big.Int).SetString(whole+fraction, 10)
	if !ok {
		return amount{}, errQuantity
	}
	scale, format, err := parseSuffix(suffix)
	if err != nil {
		return amount{}, err
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
	return amount{nano, format}, nil
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
func (a amount) String() string {
	if a.nano.Sign() == 0 {
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

// ParseQuantity returns the canonical form of a quantity: "1000m" is "1", "1024Ki" is
// "1Mi". The error is Kubernetes'.
//
// Kubernetes: apimachinery, resource.ParseQuantity.
func ParseQuantity(text string) (Quantity, error) {
	a, err := parseAmount(text)
	if err != nil {
		return "", err
	}
	return Quantity(a.String()), nil
}

// amount returns q as a number, 0 if it is empty or no quantity.
func (q Quantity) amount() amount {
	if a, err := parseAmount(string(q)); err == nil {
		return a
	}
	return amount{nano: new(big.Int)}
}

// Milli returns q in thousandths, rounded up and capped at int64; 0 if q is empty or no quantity.
func (q Quantity) Milli() int64 { return capped(ceilDiv(q.amount().nano, big.NewInt(1e6))) }

// Value returns q as a whole number, rounded up and capped at int64; 0 if q is empty or no quantity.
func (q Quantity) Value() int64 { return capped(ceilDiv(q.amount().nano, billion)) }

// Cmp returns -1, 0 or 1 as q is below, equal to or above other. Empty is 0.
func (q Quantity) Cmp(other Quantity) int { return q.amount().nano.Cmp(other.amount().nano) }

// Sign returns -1, 0 or 1 as q is negative, zero or positive.
func (q Quantity) Sign() int { return q.amount().nano.Sign() }

// RoundUpMilli returns q rounded up to thousandths, in canonical form.
func (q Quantity) RoundUpMilli() Quantity {
	a, err := parseAmount(string(q))
	if err != nil {
		return q
	}
	a.nano = ceilDiv(a.nano, big.NewInt(1e6))
	a.nano.Mul(a.nano, big.NewInt(1e6))
	return Quantity(a.String())
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

// dividedBy returns q/divisor, rounded up, in decimal digits. An empty or zero divisor is 1 (P-54).
func (q Quantity) dividedBy(divisor Quantity) (string, error) {
	if divisor == "" {
		divisor = "1"
	}
	d, err := parseAmount(string(divisor))
	if err != nil {
		return "", err
	}
	if d.nano.Sign() <= 0 {
		d.nano = billion
	}
	return ceilDiv(q.amount().nano, d.nano).String(), nil
}

// UnmarshalJSON reads a string or a number and keeps the canonical form, as Kubernetes gives it back.
func (q *Quantity) UnmarshalJSON(b []byte) error {
	if bytes.Equal(b, []byte("null")) {
		return nil
	}
	text := string(b)
	if len(b) > 0 && b[0] == '"' {
		if err := json.Unmarshal(b, &text); err != nil {
			return err
		}
	}
	v, err := ParseQuantity(strings.TrimSpace(text))
	if err != nil {
		return err
	}
	*q = v
	return nil
}
