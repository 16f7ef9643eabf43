/* A delegate that takes Edge TPU operators but cannot run them: it drives the real path of load_delegate up to there.
 *
 * It has the entry points of TensorFlow Lite's external delegates, as libedgetpu has, and libedgetpu's
 * edgetpu_version. TensorFlow's wheel brings no TFLite headers, so the binary interface is declared here as far as it
 * is used (order of the members: tensorflow/lite/core/c/common.h, "semi-ABI stable": they are only ever appended to).
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { OK = 0, ERROR = 1 };

struct int_array {
  int size;
  int data[];
};

struct context;
struct delegate;
struct node;

struct registration {
  void* (*init)(struct context*, const char*, size_t);
  void (*release)(struct context*, void*);
  int (*prepare)(struct context*, struct node*);
  int (*invoke)(struct context*, struct node*);
  const char* (*profiling_string)(const struct context*, const struct node*);
  int32_t builtin_code;
  const char* custom_name;
  int version;
  void* newer_members[4];
};

struct context {
  size_t tensors_size;
  int (*get_execution_plan)(struct context*, struct int_array**);
  void* tensors;
  void* implementation;
  void* resize_tensor;
  void (*report_error)(struct context*, const char*, ...);
  void* add_tensors;
  int (*get_node)(struct context*, int, struct node**, struct registration**);
  int (*replace_nodes)(struct context*, struct registration, const struct int_array*, struct delegate*);
};

struct delegate {
  void* data;
  int (*prepare)(struct context*, struct delegate*);
  void* copy_from_buffer;
  void* copy_to_buffer;
  void* free_buffer;
  int64_t flags;
  void* newer_members[4];
};

static int fail(struct context* context, struct node* node) {
  (void)node;
  context->report_error(context, "stub delegate: there is no Edge TPU behind it");
  return ERROR;
}

static int succeed(struct context* context, struct node* node) {
  (void)context;
  (void)node;
  return OK;
}

static bool is_for_edge_tpu(struct context* context, int index) {
  struct node* node;
  struct registration* registration;
  return context->get_node(context, index, &node, &registration) == OK && registration->custom_name &&
         !strcmp(registration->custom_name, "edgetpu-custom-op");
}

static int prepare(struct context* context, struct delegate* delegate) {
  struct int_array* plan;
  if (context->get_execution_plan(context, &plan) != OK) return ERROR;
  struct int_array* taken = malloc(sizeof *taken + plan->size * sizeof(int));
  taken->size = 0;
  for (int i = 0; i < plan->size; ++i) {
    if (is_for_edge_tpu(context, plan->data[i])) taken->data[taken->size++] = plan->data[i];
  }
  struct registration kernel = {.custom_name = "StubKernel", .version = 1, .prepare = succeed, .invoke = fail};
  int status = context->replace_nodes(context, kernel, taken, delegate);
  free(taken);
  return status;
}

struct delegate* tflite_plugin_create_delegate(char** keys, char** values, size_t count, void (*report)(const char*)) {
  for (size_t i = 0; i < count; ++i) {
    if (strcmp(keys[i], "device")) continue;
    if (!strcmp(values[i], "usb:7")) {
      report("stub delegate: no such device");
      return NULL;
    }
    if (!strcmp(values[i], "usb:8")) abort();
  }
  struct delegate* made = calloc(1, sizeof *made);
  made->prepare = prepare;
  made->flags = 1; /* may have dynamic tensors: otherwise the operators are prepared before the delegate is asked */
  return made;
}

void tflite_plugin_destroy_delegate(struct delegate* delegate) { free(delegate); }

const char* edgetpu_version(void) { return "BuildLabel(stub), RuntimeVersion(14)"; }
