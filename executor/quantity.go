package executor

import (
	"bytes"
	"encoding/json"
	"strings"

	"github.com/podless/podless/internal/openapi"
)

// ParseQuantity returns the canonical form of a quantity: "1000m" is "1", "1024Ki" is
// "1Mi". The error is Kubernetes'.
//
// Kubernetes: apimachinery, resource.ParseQuantity.
func ParseQuantity(text string) (Quantity, error) {
	a, err := openapi.ParseAmount(text)
	if err != nil {
		return "", err
	}
	return Quantity(a.String()), nil
}

// amount returns q as a number, 0 if it is empty or no quantity.
func (q Quantity) amount() openapi.Amount {
	a, err := openapi.ParseAmount(string(q))
	if err != nil {
		return openapi.Amount{}
	}
	return a
}

// Milli returns q in thousandths, rounded up and capped at int64; 0 if q is empty or no quantity.
func (q Quantity) Milli() int64 { return q.amount().Milli() }

// Value returns q as a whole number, rounded up and capped at int64; 0 if q is empty or no quantity.
func (q Quantity) Value() int64 { return q.amount().Whole() }

// Cmp returns -1, 0 or 1 as q is below, equal to or above other. Empty is 0.
func (q Quantity) Cmp(other Quantity) int { return q.amount().Cmp(other.amount()) }

// Sign returns -1, 0 or 1 as q is negative, zero or positive.
func (q Quantity) Sign() int { return q.amount().Sign() }

// RoundUpMilli returns q rounded up to thousandths, in canonical form. What is no quantity stays.
func (q Quantity) RoundUpMilli() Quantity {
	a, err := openapi.ParseAmount(string(q))
	if err != nil {
		return q
	}
	return Quantity(a.RoundUpMilli().String())
}

// dividedBy returns q/divisor, rounded up, in decimal digits. An empty or zero divisor is 1 (P-54).
func (q Quantity) dividedBy(divisor Quantity) (string, error) {
	if divisor == "" {
		divisor = "1"
	}
	d, err := openapi.ParseAmount(string(divisor))
	if err != nil {
		return "", err
	}
	return q.amount().Over(d), nil
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
