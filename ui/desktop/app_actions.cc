// The app's own actions: files, looks, help. Panels add theirs.
#include <GLFW/glfw3.h>
#include <imgui.h>

#include <algorithm>

#include "sim/locations.h"
#include "ui/desktop/frame.h"
#include "ui/desktop/theme.h"

namespace reverie::desktop {
namespace {

void AskForFile(App& app) {
  app.files.Ask({.title = "Open a task or scene",
                 .kind = FileQuestion::Kind::kOpenFile,
                 .extensions = {".json", ".xml", ".urdf", ".mjb"},
                 .folder = {},
                 .name = "",
                 .shortcuts = {ScenesFolder()}},
                [&app](const std::filesystem::path& path) { app.OpenAnything(path); });
}

void AskForFolder(App& app) {
  app.files.Ask({.title = "Open the folder of a model or dataset",
                 .kind = FileQuestion::Kind::kOpenFolder,
                 .extensions = {},
                 .folder = {},
                 .name = "",
                 .shortcuts = {}},
                [&app](const std::filesystem::path& path) { app.OpenAnything(path); });
}

void RecentItems(App& app) {
  const std::vector<std::string> recent = app.settings.recent;
  for (const std::string& path : recent) {
    ImGui::PushID(path.c_str());
    if (ImGui::MenuItem(ShownPath(path).c_str())) app.Open(path);
    ImGui::PopID();
  }
  ImGui::Separator();
  if (ImGui::MenuItem("Forget these")) app.settings.recent.clear();
}

void TaskItems(App& app, Layout& layout) {
  const auto tasks = layout.welcome.Tasks(app);
  if (tasks == nullptr) return ImGui::TextDisabled("Looking for tasks ...");
  for (const Welcome::Task& task : *tasks) {
    ImGui::PushID(task.name.c_str());
    if (ImGui::MenuItem(task.name.c_str())) app.Open(task.name);
    theme::Tooltip(task.description.c_str());
    ImGui::PopID();
  }
}

void SetScale(App& app, double scale) {
  app.settings.scale = std::clamp(scale, 0.5, 4.0);
}

void AddFileActions(App& app, Layout& layout) {
  ActionList& list = app.actions;
  list.Add({.id = "file.open", .menu = "File", .title = "Open ...", .shortcut = {GLFW_KEY_O, true}, .run = AskForFile,
            .help = "A task, or any MJCF, URDF or MJB file"});
  list.Add({.id = "file.open_folder", .menu = "File", .title = "Open model or dataset ...",
            .shortcut = {GLFW_KEY_O, true, true}, .run = AskForFolder,
            .help = "The folder of a learned model or of recorded episodes"});
  list.Add({.id = "file.task", .menu = "File", .title = "Open task",
            .items = [&layout](App& a) { TaskItems(a, layout); }});
  list.Add({.id = "file.recent", .menu = "File", .title = "Open recent",
            .enabled = [](const App& a) { return !a.settings.recent.empty(); }, .items = RecentItems});
  const auto is_open = [](const App& a) { return a.session != nullptr; };
  list.Add({.id = "file.reload", .menu = "File", .title = "Reload", .shortcut = {GLFW_KEY_F5},
            .run = [](App& a) { a.Reload(); }, .enabled = is_open,
            .help = "Reads task and scene again; who acts, planner, speed and episode stay", .divider = true});
  list.Add({.id = "file.reload_on_change", .menu = "File", .title = "Reload when the files change",
            .run = [](App& a) { a.settings.reload_on_change = !a.settings.reload_on_change; },
            .checked = [](const App& a) { return a.settings.reload_on_change; }});
  list.Add({.id = "file.close", .menu = "File", .title = "Close task", .shortcut = {GLFW_KEY_W, true},
            .run = [](App& a) { a.Close(); }, .enabled = is_open});
  list.Add({.id = "file.quit", .menu = "File", .title = "Quit", .shortcut = {GLFW_KEY_Q, true},
            .run = [](App& a) { a.quit = true; }, .divider = true});
}

void AddViewActions(App& app, std::vector<DockedPanel>& panels) {
  ActionList& list = app.actions;
  list.Add({.id = "view.palette", .menu = "View", .title = "Find a command ...", .shortcut = {GLFW_KEY_P, true},
            .run = [](App& a) { a.actions.OpenPalette(); }});
  for (DockedPanel& docked : panels) {
    const std::string title = docked.panel->title(), slug = Layout::Slug(title);
    list.Add({.id = "view.panel." + slug, .menu = "View/Panels", .title = title,
              .run = [title](App& a) {
                bool& hidden = a.settings.hidden[title];
                hidden = !hidden;
              },
              .checked = [title](const App& a) {
                const auto found = a.settings.hidden.find(title);
                return found == a.settings.hidden.end() || !found->second;
              }});
    list.Add({.id = "view.show." + slug, .title = "Show the panel " + title,
              .run = [title, &panels](App& a) { Layout::Show(a.settings, panels, title); }});
  }
  list.Add({.id = "view.reset_layout", .menu = "View", .title = "Put all panels back",
            .run = [](App& a) { Layout::Reset(a.settings); }, .divider = true});
  list.Add({.id = "view.dark", .menu = "View", .title = "Dark theme",
            .run = [](App& a) { a.settings.dark = !a.settings.dark; },
            .checked = [](const App& a) { return a.settings.dark; }});
  const auto scale = [](const App& a) { return a.settings.scale > 0 ? a.settings.scale : a.monitor_scale; };
  list.Add({.id = "view.larger", .menu = "View/Size of everything", .title = "Larger",
            .shortcut = {GLFW_KEY_EQUAL, true}, .run = [scale](App& a) { SetScale(a, scale(a) * 1.1); }});
  list.Add({.id = "view.smaller", .menu = "View/Size of everything", .title = "Smaller",
            .shortcut = {GLFW_KEY_MINUS, true}, .run = [scale](App& a) { SetScale(a, scale(a) / 1.1); }});
  list.Add({.id = "view.scale_of_monitor", .menu = "View/Size of everything", .title = "As the monitor says",
            .shortcut = {GLFW_KEY_0, true}, .run = [](App& a) { a.settings.scale = 0; }});
}

void AddHelpActions(App& app, Layout& layout) {
  app.actions.Add({.id = "help.keys", .menu = "Help", .title = "Keys and mouse", .shortcut = {GLFW_KEY_F1},
                   .run = [&layout](App&) { layout.shortcuts_open = !layout.shortcuts_open; }});
  app.actions.Add({.id = "help.dismiss", .menu = "Help", .title = "Dismiss all messages",
                   .run = [](App& a) { a.messages.DismissAll(); }});
  app.actions.Add({.id = "help.about", .menu = "Help", .title = "About Reverie",
                   .run = [&layout](App&) { layout.about_open = !layout.about_open; }, .divider = true});
}

}  // namespace

void AddActions(App& app, Layout& layout, std::vector<DockedPanel>& panels) {
  AddFileActions(app, layout);
  AddViewActions(app, panels);
  for (DockedPanel& panel : panels) panel.panel->AddActions(app);
  AddHelpActions(app, layout);
}

}  // namespace reverie::desktop
