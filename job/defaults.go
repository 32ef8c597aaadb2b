package job

// SetDefaults fills in what is not set, as Kubernetes does (A-20 ff.).
func SetDefaults(j *Job) {}

// Prepare gives a defaulted new Job its generated selector and labels; its Metadata.UID is set.
func Prepare(j *Job) {}
