package job

import (
	"fmt"
	"slices"

	"github.com/podless/podless/internal/openapi"
	"github.com/podless/podless/status"
)

// Kubernetes' limits of the policies (L-8, L-9).
const (
	maxPolicyRules      = 20
	maxPolicyExitCodes  = 255
	maxPolicyConditions = 20
	maxIndexesBytes     = 64 << 10
)

var (
	policyActions     = []PodFailurePolicyAction{ActionCount, ActionFailIndex, ActionFailJob, ActionIgnore}
	exitCodeOperators = []string{"In", "NotIn"}
	conditionStatuses = []status.ConditionStatus{status.ConditionFalse, status.ConditionTrue, status.ConditionUnknown}
)

// oneOf requires a value out of a sorted list.
func oneOf[T ~string](value T, valid []T, path string) status.FieldErrors {
	switch {
	case value == "":
		return status.FieldErrors{status.Required(path, fmt.Sprintf("valid values: %q", valid))}
	case !slices.Contains(valid, value):
		return status.FieldErrors{status.NotSupported(path, value, valid)}
	}
	return nil
}

func (s *Spec) validatePodFailurePolicy(path string) (errs status.FieldErrors) {
	rules := s.PodFailurePolicy.Rules
	path += ".rules"
	if len(rules) > maxPolicyRules { // V-25
		errs = append(errs, status.TooMany(path, len(rules), maxPolicyRules))
	}
	for i := range rules {
		errs = append(errs, s.validatePodFailureRule(&rules[i], fmt.Sprintf("%s[%d]", path, i))...)
	}
	return errs
}

func (s *Spec) validatePodFailureRule(r *PodFailurePolicyRule, path string) status.FieldErrors {
	errs := oneOf(r.Action, policyActions, path+".action")            // V-26
	if r.Action == ActionFailIndex && s.BackoffLimitPerIndex == nil { // V-27
		errs = append(errs, status.Invalid(path+".action", r.Action, "requires the backoffLimitPerIndex to be set"))
	}
	if r.OnExitCodes != nil {
		errs = append(errs, s.validateOnExitCodes(r.OnExitCodes, path+".onExitCodes")...)
	}
	errs = append(errs, validateOnPodConditions(r.OnPodConditions, path+".onPodConditions")...)
	switch {
	case r.OnExitCodes != nil && len(r.OnPodConditions) > 0: // V-28
		errs = append(errs, status.Invalid(path, status.OmitValue, "specifying both OnExitCodes and OnPodConditions is not supported"))
	case r.OnExitCodes == nil && len(r.OnPodConditions) == 0: // V-29
		errs = append(errs, status.Invalid(path, status.OmitValue, "specifying one of OnExitCodes and OnPodConditions is required"))
	}
	return errs
}

func (s *Spec) validateOnExitCodes(on *PodFailurePolicyOnExitCodes, path string) status.FieldErrors {
	errs := oneOf(on.Operator, exitCodeOperators, path+".operator")      // V-30
	if name := on.ContainerName; name != nil && !s.hasContainer(*name) { // V-31
		errs = append(errs, status.Invalid(path+".containerName", *name, "must be one of the container or initContainer names in the pod template"))
	}
	path += ".values"
	switch {
	case len(on.Values) == 0: // V-32
		return append(errs, status.Invalid(path, on.Values, "at least one value is required"))
	case len(on.Values) > maxPolicyExitCodes:
		errs = append(errs, status.TooMany(path, len(on.Values), maxPolicyExitCodes))
	}
	seen := make(map[int32]bool, len(on.Values))
	for i, v := range on.Values {
		at := fmt.Sprintf("%s[%d]", path, i)
		if on.Operator == "In" && v == 0 { // V-33
			errs = append(errs, status.Invalid(at, v, "must not be 0 for the In operator"))
		}
		if seen[v] { // V-34
			errs = append(errs, status.Duplicate(at, v))
		}
		seen[v] = true
	}
	if !slices.IsSorted(on.Values) { // V-35
		errs = append(errs, status.Invalid(path, on.Values, "must be ordered"))
	}
	return errs
}

func (s *Spec) hasContainer(name string) bool {
	for i := range s.Template.Spec.Containers {
		if s.Template.Spec.Containers[i].Name == name {
			return true
		}
	}
	for i := range s.Template.Spec.InitContainers {
		if s.Template.Spec.InitContainers[i].Name == name {
			return true
		}
	}
	return false
}

func validateOnPodConditions(list []PodFailurePolicyOnPodCondition, path string) (errs status.FieldErrors) {
	if len(list) > maxPolicyConditions { // V-36
		errs = append(errs, status.TooMany(path, len(list), maxPolicyConditions))
	}
	for i := range list { // V-37
		at := fmt.Sprintf("%s[%d]", path, i)
		errs = appendInvalid(errs, at+".type", list[i].Type, openapi.QualifiedName(string(list[i].Type)))
		errs = append(errs, oneOf(list[i].Status, conditionStatuses, at+".status")...)
	}
	return errs
}

// validateSuccessPolicy checks V-38; without completions, which is V-14, nothing can be compared with them.
func (s *Spec) validateSuccessPolicy(path string) (errs status.FieldErrors) {
	rules := s.SuccessPolicy.Rules
	path += ".rules"
	if len(rules) == 0 { // V-38a
		return append(errs, status.Required(path, "at least one rules must be specified when the successPolicy is specified"))
	}
	if len(rules) > maxPolicyRules {
		errs = append(errs, status.TooMany(path, len(rules), maxPolicyRules))
	}
	for i := range rules {
		r, at := &rules[i], fmt.Sprintf("%s[%d]", path, i)
		if r.SucceededIndexes == nil && r.SucceededCount == nil { // V-38b
			errs = append(errs, status.Required(at, "at least one of succeededCount or succeededIndexes must be specified"))
		}
		indexes := int32(-1)
		if text := r.SucceededIndexes; text != nil && s.Completions != nil { // V-38c
			if len(*text) > maxIndexesBytes {
				errs = append(errs, status.TooLong(at+".succeededIndexes", *text, maxIndexesBytes))
			}
			set, err := ParseIndexSet(*text, *s.Completions)
			if err != nil {
				errs = append(errs, status.Invalid(at+".succeededIndexes", *text, "error parsing succeededIndexes: "+err.Error()))
			}
			indexes = int32(set.Len()) // none, if it does not parse
		}
		if n := r.SucceededCount; n != nil { // V-38d
			at += ".succeededCount"
			if *n < 0 {
				errs = append(errs, status.Invalid(at, *n, notNegative))
			}
			if s.Completions != nil && *n > *s.Completions {
				errs = append(errs, status.Invalid(at, *n, fmt.Sprintf("must be less than or equal to %d (the number of specified completions)", *s.Completions)))
			}
			if indexes >= 0 && *n > indexes {
				errs = append(errs, status.Invalid(at, *n, fmt.Sprintf("must be less than or equal to %d (the number of indexes in the specified succeededIndexes field)", indexes)))
			}
		}
	}
	return errs
}

// The API prints the two policies with the names of the server's own types (V-2).
type (
	internalSuccessPolicy struct{ Rules []internalSuccessRule }
	internalSuccessRule   struct {
		SucceededIndexes *string
		SucceededCount   *int32
	}
	internalFailurePolicy struct{ Rules []internalFailureRule }
	internalFailureRule   struct {
		Action          PodFailurePolicyAction
		OnExitCodes     *internalOnExitCodes
		OnPodConditions []internalOnPodCondition
	}
	internalOnExitCodes struct {
		ContainerName *string
		Operator      string
		Values        []int32
	}
	internalOnPodCondition struct {
		Type   status.ConditionType
		Status status.ConditionStatus
	}
)

// internal returns p for an error's value, nil for nil.
func (p *SuccessPolicy) internal() any {
	if p == nil {
		return nil
	}
	v := internalSuccessPolicy{}
	if p.Rules != nil {
		v.Rules = []internalSuccessRule{}
	}
	for _, r := range p.Rules {
		v.Rules = append(v.Rules, internalSuccessRule(r))
	}
	return v
}

// internal returns p for an error's value, nil for nil.
func (p *PodFailurePolicy) internal() any {
	if p == nil {
		return nil
	}
	v := internalFailurePolicy{}
	if p.Rules != nil {
		v.Rules = []internalFailureRule{}
	}
	for _, r := range p.Rules {
		rule := internalFailureRule{Action: r.Action}
		if on := r.OnExitCodes; on != nil {
			rule.OnExitCodes = &internalOnExitCodes{on.ContainerName, on.Operator, on.Values}
		}
		for _, c := range r.OnPodConditions {
			rule.OnPodConditions = append(rule.OnPodConditions, internalOnPodCondition(c))
		}
		v.Rules = append(v.Rules, rule)
	}
	return v
}
