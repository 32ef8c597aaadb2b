package container

import (
	"context"

	"github.com/containerd/errdefs"
	"github.com/distribution/reference"
	"github.com/moby/moby/client"

	"github.com/podless/podless/executor"
	"github.com/podless/podless/status"
)

// image sees to it that the container's image is there, as its pull policy says.
func (r *Runtime) image(ctx context.Context, c *executor.Container) (id string, err error) {
	if _, err := reference.ParseAnyReference(c.Image); err != nil {
		return "", waiting(status.ReasonInvalidImageName, "Failed to apply default image tag %q: couldn't parse image name %q: %v", c.Image, c.Image, err)
	}
	policy := pullPolicy(c)
	if policy != "Always" {
		id, err := r.inspectImage(ctx, c.Image)
		switch {
		case err == nil:
			return id, nil
		case !errdefs.IsNotFound(err):
			return "", waiting(status.ReasonImageInspectError, "Failed to inspect image %q: %s", c.Image, message(err))
		case policy == "Never":
			return "", waiting(status.ReasonErrImageNeverPull, "Container image %q is not present with pull policy of Never", c.Image)
		}
	}
	if err := r.pull(ctx, c.Image, policy); err != nil {
		return "", waiting(status.ReasonErrImagePull, "%s", message(err))
	}
	if id, err = r.inspectImage(ctx, c.Image); err != nil {
		return "", waiting(status.ReasonImageInspectError, "Failed to inspect image %q: %s", c.Image, message(err))
	}
	return id, nil
}

// inspectImage returns the id of an image that the engine has.
func (r *Runtime) inspectImage(ctx context.Context, name string) (id string, err error) {
	var found client.ImageInspectResult
	err = r.try(ctx, func() (err error) {
		found, err = r.api.ImageInspect(ctx, name)
		return err
	})
	return found.ID, err
}

// pull has the engine pull an image. Containers that want the same one wait for one
// pull, and look whether it is there then.
func (r *Runtime) pull(ctx context.Context, name, policy string) error {
	unlock, err := r.pulling.lock(ctx, name)
	if err != nil {
		return err
	}
	defer unlock()
	if policy != "Always" {
		if _, err := r.inspectImage(ctx, name); err == nil {
			return nil
		}
	}
	options := client.ImagePullOptions{}
	if r.opts.RegistryAuth != nil {
		if options.RegistryAuth, err = r.opts.RegistryAuth(ctx, name); err != nil {
			return err
		}
	}
	return r.try(ctx, func() error {
		progress, err := r.api.ImagePull(ctx, name, options)
		if err != nil {
			return err
		}
		defer progress.Close()
		return progress.Wait(ctx)
	})
}
